"""Whether what was verified in an environment still holds: verified is a lease, not a title."""

from flows.places.everywhere import confirm_everywhere
from flows.places.place import Place
from flows.promotion.post_deploy import ask_checks_again
from tasks.domain.image import ImageReference
from tasks.domain.verdict import Verdict, failed, passed
from tasks.domain.wording import counted


def confirm_still_verified(place: Place, image: ImageReference, commit: str) -> Verdict:
    """Asked anew each time, so that nothing has to be remembered: Argo CD first, then the checks that may be repeated.

    Raises AccessRefused, ConfigurationError and Unreachable as `confirm_environment` does.
    """
    verdict = confirm_everywhere(place, image)
    if not verdict.has_passed:
        return verdict
    answers = ask_checks_again(place, image, commit)
    if bad := [answer.reason for answer in answers if answer.has_failed]:
        return failed(f"{place.environment} was verified, but a check fails now: {'; '.join(bad)}")
    return passed(verdict.reason + (f", {counted(len(answers), 'check')} passed again" if answers else ""))
