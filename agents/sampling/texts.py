"""Texts as numbers, for as long as they are used."""

from collections.abc import Sequence

import numpy as np

from agents.sampling.keyed_table import Ints


class Texts:
    """Numbers texts in the order in which they come. Both ways are a look-up: 50 ns a text."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._free: list[int] = []
        self.texts: list[str] = []

    def __len__(self) -> int:
        return len(self._codes)

    def codes(self, texts: Sequence[str]) -> Ints:
        """The numbers of texts; new ones get one."""
        get = self._codes.get
        found = [get(text) for text in texts]
        if None in found:
            found = [self.code_of(text) if code is None else code for text, code in zip(texts, found, strict=True)]
        return np.asarray(found, np.int64)

    def code_of(self, text: str) -> int:
        """The number of one text."""
        known = self._codes.get(text)
        if known is not None:
            return known
        if self._free:
            code = self._free.pop()
            self.texts[code] = text
        else:
            code = len(self.texts)
            self.texts.append(text)
        self._codes[text] = code
        return code

    def keep(self, codes: Ints) -> None:
        """Forget all texts but those of these numbers, of which any may come more than once."""
        used = np.zeros(len(self.texts), bool)
        used[codes] = True
        for code in np.flatnonzero(~used).tolist():
            text = self.texts[code]
            if self._codes.get(text) == code:  # else it is free already
                del self._codes[text]
                self.texts[code] = ""
                self._free.append(code)
