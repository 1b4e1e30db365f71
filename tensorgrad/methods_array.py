"""Methods that order, count, rearrange, pick and put the elements of a tensor: a continuation of methods.py."""

from __future__ import annotations

from tensorgrad.ops import calculus, index, order, rearrange, sampling, sets, shape
from tensorgrad.ops import diagonal as diagonals
from tensorgrad.ops import quantile as quantiles
from tensorgrad.ops import scatter as writing
from tensorgrad.ops import split as cutting


class ArrayMethods:
    """Mixin with the operators on whole arrays, under the names they have on a tensor."""

    __slots__ = ()

    # order and statistics
    sort = order.sort
    argsort = order.argsort
    msort = order.msort
    topk = order.topk
    kthvalue = order.kthvalue
    median = order.median
    nanmedian = order.nanmedian
    mode = order.mode
    quantile = quantiles.quantile
    nanquantile = quantiles.nanquantile
    diff = calculus.diff

    # draws
    bernoulli = sampling.bernoulli
    multinomial = sampling.multinomial

    # which values there are
    unique = sets.unique
    unique_consecutive = sets.unique_consecutive
    bincount = sets.bincount
    histc = sets.histc
    isin = sets.isin
    nonzero = index.nonzero

    # shape
    movedim = moveaxis = shape.movedim
    swapaxes = shape.swapaxes
    swapdims = shape.swapdims
    ravel = shape.ravel
    unflatten = shape.unflatten
    view_as = reshape_as = shape.view_as
    expand_as = shape.expand_as
    sum_to_size = shape.sum_to_size
    repeat = rearrange.repeat
    tile = rearrange.tile
    repeat_interleave = rearrange.repeat_interleave
    fliplr = rearrange.fliplr
    flipud = rearrange.flipud
    rot90 = rearrange.rot90
    unfold = rearrange.unfold

    # cutting
    narrow = cutting.narrow
    split = cutting.split
    chunk = cutting.chunk
    split_with_sizes = cutting.split_with_sizes
    unbind = cutting.unbind
    tensor_split = cutting.tensor_split
    hsplit = cutting.hsplit
    vsplit = cutting.vsplit
    dsplit = cutting.dsplit

    # diagonals and triangles
    diag = diagonals.diag
    diag_embed = diagonals.diag_embed
    diagflat = diagonals.diagflat
    diagonal = diagonals.diagonal
    diagonal_scatter = diagonals.diagonal_scatter
    fill_diagonal = diagonals.fill_diagonal
    trace = diagonals.trace
    tril = diagonals.tril
    triu = diagonals.triu

    # reading by position
    select = index.select
    take = index.take
    take_along_dim = index.take_along_dim
    masked_select = index.masked_select

    # writing by position, into a copy
    scatter = writing.scatter
    scatter_add = writing.scatter_add
    scatter_reduce = writing.scatter_reduce
    index_add = writing.index_add
    index_copy = writing.index_copy
    index_fill = writing.index_fill
    index_put = writing.index_put
    masked_fill = writing.masked_fill
    masked_scatter = writing.masked_scatter
    slice_scatter = writing.slice_scatter
    select_scatter = writing.select_scatter
