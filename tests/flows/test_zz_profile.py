from test_stories import *
def test_prof(world):
    meanwhile = find_story("bad-release").meanwhile
    def approve(waiting):
        meanwhile(world, waiting); answer("approve")(waiting)
    commit, runs = tell(world, approve)
    for r in runs.values():
        print("==", r.name, r.state, r.created, r.started, r.ended)
        for s in r.steps:
            print("   ", s.started and (s.started - r.created).total_seconds(), s.ended and (s.ended-s.started).total_seconds(), s.name, s.state)
