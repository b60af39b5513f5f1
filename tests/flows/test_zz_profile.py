import sys, threading, time, traceback
from test_stories import *
def sample(stop):
    seen = {}
    while not stop.is_set():
        for tid, frame in sys._current_frames().items():
            st = traceback.extract_stack(frame)
            if any(f.name == "start_promotion" for f in st):
                key = tuple(f"{f.filename[-40:]}:{f.lineno}:{f.name}" for f in st[-9:])
                seen[key] = seen.get(key, 0) + 1
        time.sleep(0.05)
    for k, v in sorted(seen.items(), key=lambda x: -x[1])[:5]:
        print(v, *k, sep="\n   ")
def test_prof(world):
    stop = threading.Event(); t = threading.Thread(target=sample, args=(stop,)); t.start()
    commit, runs = tell(world, answer("reject"))
    stop.set(); t.join()
