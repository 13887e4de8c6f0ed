"""Slopes of a function between two points and along directions, measured on an evaluator: whatever is found is a lower bound of its Lipschitz constant, apart
from rounding. What seems too steep is measured again in extended precision, so that no rounding is taken for a fault."""

import numpy


class Slopes:
    """Of the function of an onnx_numpy.Model."""

    def __init__(self, model, seed):
        self.model, self.random = model, numpy.random.default_rng(seed)
        self.size = int(numpy.prod(model.shape))

    def between(self, x, y, dtype=float):
        """(of the whole output, of each difference of two outputs) between two points."""
        x, y = numpy.asarray(x, dtype=dtype), numpy.asarray(y, dtype=dtype)
        change = self.model(x, dtype) - self.model(y, dtype)
        return self.quotients(change, numpy.sqrt(numpy.sum((x - y) ** 2)))

    @staticmethod
    def quotients(change, length):
        n = len(change)
        pairs = numpy.abs(change[:, None] - change[None, :])[numpy.triu_indices(n, 1)] / length if 2 <= n <= 1024 else numpy.zeros(0)
        return numpy.sqrt(numpy.sum(change ** 2)) / length, pairs

    def points(self, count):
        """Near 0 and far from it, dense and sparse."""
        scales = 10.0 ** self.random.uniform(-2, 1.5, size=(count, 1))
        kept = self.random.uniform(size=(count, self.size)) < self.random.choice([0.2, 1, 1], size=(count, 1))
        return self.random.normal(size=(count, self.size)) * scales * kept

    def candidates(self, far=16, near=3, rounds=2, width=12):
        """Pairs of points (x, y): of all pairs of far points those that are steepest in one of the outputs' differences or in the whole; near ones along the
        steepest directions of the derivative, by power iteration on what differences say of it in random subspaces (in all of the space where it is small)."""
        points = self.points(far)
        values = numpy.array([self.model(x) for x in points])
        found = []
        for a in range(far):
            for b in range(a):
                length = numpy.linalg.norm(points[a] - points[b])
                if length > 0:
                    found.append((numpy.linalg.norm(values[a] - values[b]) / length, a, b))
        found.sort(reverse=True)
        out = [(points[a], points[b]) for _, a, b in found[:4] + found[-1:]]
        for k in range(near):
            x = points[k]
            step = 1e-6 * max(1.0, float(numpy.max(numpy.abs(x))))
            best = self.random.normal(size=self.size)
            for _ in range(1 if self.size <= width else rounds):
                basis = numpy.eye(self.size) if self.size <= width else numpy.linalg.qr(numpy.column_stack([best, self.random.normal(size=(self.size, width - 1))]))[0]
                jacobian = numpy.column_stack([(self.model(x + step * basis[:, j]) - values[k]) / step for j in range(basis.shape[1])])
                if not numpy.all(numpy.isfinite(jacobian)):
                    break
                best = basis @ self.steepest(jacobian)
                out.append((x, x + 1000 * step * best))
                out.append((x, x + step * best))
            else:
                if 2 <= len(jacobian) <= 1024:
                    i, j = self.random.choice(len(jacobian), size=2, replace=False)
                    direction = basis @ (jacobian[i] - jacobian[j])
                    if numpy.linalg.norm(direction) > 0:
                        out.append((x, x + 100 * step * direction / numpy.linalg.norm(direction)))
        return out

    def steepest(self, matrix):
        """A vector of length 1 that the matrix enlarges most, by power iteration."""
        v = self.random.normal(size=matrix.shape[1])
        for _ in range(30):
            w = matrix.T @ (matrix @ v)
            length = numpy.linalg.norm(w)
            if not length > 0:
                break
            v = w / length
        return v / numpy.linalg.norm(v)

    def faults(self, upper, pairs, tolerance=1e-7):
        """Sentences about slopes above the bound `upper` or above those of the pairs (a list, or None), and the largest share of `upper` that was reached."""
        said, reached = [], 0.0
        for x, y in self.candidates():
            whole, each = self.between(x, y)
            if not numpy.isfinite(whole):
                continue
            allowed = None if pairs is None else numpy.asarray(pairs)
            if whole > upper or (allowed is not None and numpy.any(each > allowed)):
                whole, each = self.between(x, y, numpy.longdouble)
            if whole > upper * (1 + tolerance):
                said.append(f"a slope of {whole} is above L = {upper}")
            if allowed is not None and numpy.any(each > allowed * (1 + tolerance)):
                k = int(numpy.argmax(each - allowed))
                said.append(f"a slope of {each[k]} is above that of pair {k}, {allowed[k]}")
            reached = max(reached, float(whole / upper) if upper > 0 else 0.0)
        return said, reached

    def along(self, point, direction, enough):
        """The largest quotient from `point` along `direction` over steps of many sizes, in extended precision, or the first of at least `enough`: near the
        directional derivative's norm, where the step is short enough for the function's bends and long enough for its rounding. None where the function is
        so much larger than its slope that no step is both."""
        point, direction = numpy.asarray(point, dtype=numpy.longdouble), numpy.asarray(direction, dtype=numpy.longdouble)
        length = numpy.sqrt(numpy.sum(direction ** 2))
        start = self.model(point, numpy.longdouble)
        far = numpy.max(numpy.abs(point))
        if numpy.sqrt(numpy.sum(start ** 2)) > 1e8 * enough:
            return None
        best = 0.0
        for scale in {max(numpy.longdouble(1), far), far} - {numpy.longdouble(0)}:  # a point may lie as near to a bend of the function as it lies to 0
            for exponent in range(1, 26):
                step = numpy.longdouble(10) ** -exponent * scale
                change = self.model(point + step / length * direction, numpy.longdouble) - start
                slope = numpy.sqrt(numpy.sum(change ** 2)) / step
                rounding = numpy.finfo(numpy.longdouble).eps * numpy.sqrt(numpy.sum(start ** 2)) / step
                if numpy.isfinite(slope) and rounding < 1e-7 * slope:
                    best = max(best, float(slope))
                if best >= enough:
                    return best
        return best
