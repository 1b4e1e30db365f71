"""Compiled twins of the kernels, by Numba; installed with the ``fast`` extra.

A module here has the name of the one it doubles, and a function the name and signature of NumPy's, which stays the
reference that tests compare with. The loops release the GIL and are called from the one thread pool of
``kernels.threads``; Numba's own parallel mode is never used, for two pools on the same cores fight.

Numba keeps what it compiled in ``__pycache__`` and looks at the date of a function's own file only. Who changes one of
the files that others build on (``simd``, ``ahead``, ``tile``, ``tile_product``, ``transpose``, ``panels``, ``offsets``,
``exponential``) runs ``make clean`` first.
"""
