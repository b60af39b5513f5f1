"""A request that is not taken: the status code and the sentence that the sender gets."""


class Refusal(Exception):
    """Ends the request with this answer; the sentence never quotes what was sent."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
