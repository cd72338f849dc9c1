"""The neighbourhood asked through a notebook, so that a diagnosis can be made again without the records of all others."""

from pydantic import TypeAdapter

from agents.diagnosis.neighbourhood import Neighbourhood, Place, Suspect
from schemas.records.vocabulary import Millis
from streams.answers import Answers

_SUSPECTS = TypeAdapter(list[Suspect])


class AskedNeighbourhood(Neighbourhood):
    """Answers with what `answers` lets through: what is so now, noted, or what was so then."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self._through = answers

    def suspects(self, place: Place, now: Millis, around: Millis) -> list[Suspect]:
        """See Neighbourhood; the answer is what its JSON holds, so that it is the same when it is read again."""

        def found() -> str:
            return _SUSPECTS.dump_json(super(AskedNeighbourhood, self).suspects(place, now, around)).decode()

        return _SUSPECTS.validate_json(self._through.ask(found))
