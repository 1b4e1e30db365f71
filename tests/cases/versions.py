"""Which rows of the table come to a kernel of which there are two versions, NumPy's and a compiled one."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tensorgrad.kernels.twin import Twin
from tests.cases.case import Case
from tests.cases.library import run
from tests.cases.ours import OURS


@cache
def has_two_versions(case: Case) -> bool:
    """True when a kernel with a twin works for the values or derivatives of ``case``: it may differ without Numba."""
    called: list[Twin] = []
    call = Twin.__call__

    def recorded(twin: Twin, *args: Any, **options: Any) -> Any:
        called.append(twin)
        return call(twin, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Twin, "__call__", recorded)
        run(OURS, case, order=2 if case.smooth else 1)
    return bool(called)
