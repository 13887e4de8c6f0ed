"""The extracted checker as a program: each layer's constant is proved at its value and not below it, each kind of claim at its border,
ill-shaped networks and malformed files never, and what it proves is compared with sampled slopes of a float evaluation in numpy."""

import hashlib
import random
import unittest
from fractions import Fraction

import numpy

import problems
from problems import IDENTITY, chain, compose, concat, dense, diagonal, leaky_relu, max_pool, plain, residual

ABOVE = Fraction(10**10 + 1, 10**10)
BELOW = Fraction(10**10 - 1, 10**10)


def sigma(matrix):
    return Fraction(float(numpy.linalg.svd(numpy.array(matrix, dtype=float), compute_uv=False)[0]))


def gaussian(rows, columns, seed=0):
    return numpy.random.default_rng(seed).standard_normal((rows, columns))


class Checker(unittest.TestCase):
    def verdict(self, text):
        done = problems.run(text)
        self.assertIn(done.returncode, (0, 1), done.stderr.decode())
        lines = done.stdout.decode().splitlines()
        self.assertEqual(lines[-1], "mathematics accepted" if done.returncode == 0 else "mathematics rejected")
        data = text if isinstance(text, bytes) else text.encode()
        self.assertIn(hashlib.sha256(data).hexdigest(), lines[0])
        return done.returncode == 0

    def proves(self, inputs, layer, bound, claimed=None):
        """With the layer as the body and the identity as the last layer."""
        claims = [("global-lipschitz", Fraction(claimed if claimed is not None else bound))]
        return self.verdict(problems.problem(inputs, layer, bound, IDENTITY, 1, claims))

    def border(self, inputs, layer, exact):
        self.assertTrue(self.proves(inputs, layer, Fraction(exact)))
        self.assertFalse(self.proves(inputs, layer, Fraction(exact) * BELOW))

    def dense_border(self, matrix, divisor=1):
        layer = dense(matrix, divisor=divisor)
        true = sigma(matrix) / divisor
        columns = len(matrix[0])
        self.assertTrue(self.proves(columns, layer, true * ABOVE))
        self.assertFalse(self.proves(columns, layer, true * BELOW))
        # The evidence is good and the claim is below it.
        self.assertFalse(self.proves(columns, layer, true * ABOVE, true * BELOW))

    def test_dense(self):
        for rows, columns in ((1, 1), (1, 7), (7, 1), (5, 5), (3, 20), (20, 3), (33, 40)):
            self.dense_border(gaussian(rows, columns, rows))
        self.dense_border(numpy.eye(9))
        self.dense_border(1e-13 * gaussian(4, 6))
        self.dense_border(1e200 * gaussian(4, 6))
        self.dense_border(numpy.diag([10.0, 1.0]))
        self.dense_border(numpy.diag([100.0, 99.0]))
        # Weights of very different sizes: the small ones are off the grid and paid for.
        self.dense_border(gaussian(6, 6) * 10.0 ** numpy.arange(0, -30, -5))
        # Subnormal weights, whose norm numpy gets right only after scaling.
        tiny = numpy.array([[1.0, 2.0], [3.0, 4.0]])
        unit = Fraction(5e-324)
        self.assertTrue(self.proves(2, dense(5e-324 * tiny), sigma(tiny) * unit * ABOVE))
        self.assertFalse(self.proves(2, dense(5e-324 * tiny), sigma(tiny) * unit * BELOW))

    def test_explicit_linear_map(self):
        """Average pooling of a 4 x 4 picture by windows of 3 with stride 1: entries 1/9, so integers over a divisor."""
        rows = []
        for i in range(2):
            for j in range(2):
                rows.append([float(i <= r < i + 3 and j <= c < j + 3) for r in range(4) for c in range(4)])
        self.dense_border(rows, divisor=9)
        self.assertFalse(self.proves(16, dense(rows, divisor=0), Fraction(10)))
        self.assertFalse(self.proves(16, dense(rows, divisor=-9), Fraction(10)))

    def test_zero_matrix(self):
        self.assertTrue(self.proves(3, dense([[0.0] * 3] * 2), 0))

    def test_bad_hints_prove_nothing(self):
        matrix = gaussian(6, 8)
        true = sigma(matrix)
        good = problems.hint(matrix, true * ABOVE).split()
        self.assertTrue(self.hinted(matrix, true * ABOVE, good))
        # Every number of the evidence, changed one at a time, at a claim below the truth.
        low = problems.hint(matrix, true * Fraction(99, 100)).split()
        for k in range(8):
            for change in (-2, -1, 1, 2, 10**6, -10**6):
                changed = list(low)
                changed[k] = str(int(low[k]) + change)
                self.assertFalse(self.hinted(matrix, true * Fraction(99, 100), changed), (k, change))

    def hinted(self, matrix, bound, words):
        layer = dense(matrix)
        layer.evidence = lambda b: f"dense {problems.ratio(bound)} " + " ".join(words)
        done = problems.run(problems.problem(8, layer, bound, IDENTITY, 1, [("global-lipschitz", bound)]))
        self.assertIn(done.returncode, (0, 1, 3))
        return done.returncode == 0

    def test_slot_width_cannot_hide_an_entry(self):
        """Slots too narrow for the inner products are refused, however well the sums happen to cancel."""
        matrix = numpy.ones((4, 4))
        words = problems.hint(matrix, 4 * ABOVE).split()
        for width in (1, 2, 20, 60, 99):
            words[5] = str(width)
            layer = dense(matrix)
            layer.evidence = lambda b: f"dense {problems.ratio(4 * ABOVE)} " + " ".join(words)
            self.assertFalse(self.verdict(problems.problem(4, layer, 4, IDENTITY, 1, [("global-lipschitz", 4 * ABOVE)])))

    def test_activations(self):
        for word in ("relu", "abs", "full-sort", "group-sort 2", "group-sort 3", "max-min-halves", "identity"):
            self.border(6, plain(word), 1)
        self.border(6, leaky_relu(0.25), 1)
        self.border(6, leaky_relu(-1.5), 1.5)
        self.border(6, leaky_relu(3.0), 3)

    def test_diagonal(self):
        self.border(3, diagonal([1.0, -2.5, 0.0], [1.0, 2.0, 3.0]), 2.5)
        self.border(3, diagonal([1.0, -2.5, 0.0], [1.0, 2.0, 3.0], divisor=3), Fraction(5, 6))
        self.assertFalse(self.proves(3, diagonal([0.0] * 3, divisor=0), 1))
        self.assertFalse(self.proves(3, diagonal([0.0] * 3, divisor=-1), 1))

    def test_max_pool(self):
        self.assertTrue(self.proves(4, max_pool([[0, 1], [2, 3]]), 1))
        self.assertFalse(self.proves(4, max_pool([[0, 1], [2, 3]]), BELOW))
        # Entry 1 lies in two windows: sqrt 2.
        self.assertTrue(self.proves(4, max_pool([[0, 1], [1, 2]]), Fraction(1414213563, 10**9)))
        self.assertFalse(self.proves(4, max_pool([[0, 1], [1, 2]]), Fraction(1414213562, 10**9)))
        # An entry named twice in one window counts twice (an upper bound all the same).
        self.assertFalse(self.proves(4, max_pool([[1, 1], [2]]), 1))
        self.assertFalse(self.proves(4, max_pool([[4]]), 10))
        self.assertFalse(self.proves(4, max_pool([[0], []]), 10))

    def test_sigmoid_and_tanh(self):
        self.border(6, plain("sigmoid"), Fraction(1, 4))
        self.border(6, plain("tanh"), 1)
        # Their values are not rational: nothing is said about points, and the rest is still proved.
        for word, u in (("sigmoid", Fraction(1, 4)), ("tanh", Fraction(1))):
            for layer, bound in ((plain(word), u), (residual(1.0, plain(word)), u), (concat(plain("relu"), plain(word)), (Fraction(3, 2), Fraction(1), u))):
                claims = [("global-lipschitz", Fraction(2)), ("robust-class", 0, 0, Fraction(0))]
                text = problems.problem(2, layer, bound, IDENTITY, 1, claims, [(0, 1, [5, -5])])
                done = problems.run(text)
                self.assertIn(b"1 of 2 claims proved", done.stdout, done.stderr)
                self.assertIn(b"not proved: class", done.stdout)

    def folded_border(self, columns, layer, true):
        self.assertTrue(self.proves(columns, layer, true * ABOVE))
        self.assertFalse(self.proves(columns, layer, true * BELOW))

    def test_folded_blocks(self):
        a, b, c = gaussian(7, 5, 21), gaussian(4, 7, 22), gaussian(6, 4, 23)
        d, e = gaussian(5, 1, 24)[:, 0], gaussian(7, 1, 25)[:, 0]
        self.folded_border(5, problems.folded([dense(a), dense(b)], b @ a), sigma(b @ a))
        self.folded_border(5, problems.folded([dense(a, e), dense(b), dense(c)], c @ b @ a), sigma(c @ b @ a))
        # Factors before, between and after, over divisors.
        product = (b * e) @ (a * d)
        layers = [diagonal(d, divisor=3), dense(a), diagonal(e, e, divisor=7), dense(b, divisor=2)]
        self.folded_border(5, problems.folded(layers, product, 42), sigma(product) / 42)
        self.folded_border(5, problems.folded([dense(a), diagonal(e)], a * e[:, None]), sigma(a * e[:, None]))
        self.folded_border(5, problems.folded([dense(a), plain("identity"), dense(b)], b @ a), sigma(b @ a))
        # The product is far below the product of the norms.
        u = numpy.linalg.svd(gaussian(6, 6, 26))[0]
        first, second = u * [9, 1, 1, 1, 1, 1] @ u.T, u * [1, 9, 9, 9, 9, 9] @ u.T
        self.folded_border(6, problems.folded([dense(first), dense(second)], second @ first), sigma(second @ first))
        self.assertLess(sigma(second @ first), 10)

    def test_what_does_not_fold(self):
        a = gaussian(4, 4, 31)
        true = sigma(a @ a) * 10
        for layers in ([dense(a), plain("relu"), dense(a)], [plain("relu"), dense(a)], [dense(a), plain("abs")], [dense(a), residual(1.0, dense(a))]):
            self.assertFalse(self.proves(4, problems.folded(layers, a @ a), true))
        # Divisors that are not positive, shapes that do not fit.
        self.assertFalse(self.proves(4, problems.folded([dense(a, divisor=-1), dense(a, divisor=-1)], a @ a), true))
        self.assertFalse(self.proves(4, problems.folded([dense(a), diagonal([1.0] * 3)], a @ a), true))
        self.assertFalse(self.proves(4, problems.folded([dense(a), dense(gaussian(4, 3))], a @ a), true))
        self.assertTrue(self.proves(4, problems.folded([dense(a), dense(a)], a @ a), true))
        # Evidence for one product does not serve another.
        swapped = problems.folded([dense(a), dense(a.T)], a.T @ a)
        swapped.text = chain([dense(a), dense(a)]).text
        self.assertEqual(self.proves(4, swapped, sigma(a @ a) * BELOW), False)

    def test_pairs_of_a_folded_last_block(self):
        a, b = gaussian(6, 5, 41), gaussian(3, 6, 42)
        product = b @ a
        last, v = problems.folded([dense(a), dense(b, [1.0, 2.0, 3.0])], product), sigma(product) * ABOVE
        for i in range(3):
            for j in range(i + 1, 3):
                best = min(Fraction(float(numpy.linalg.norm(product[i] - product[j]))), Fraction(2 ** 0.5) * v)
                for bound, expected in ((best * ABOVE, True), (best * BELOW, False)):
                    text = problems.problem(5, plain("relu"), 1, last, v, [("pair-lipschitz", i, j, bound)])
                    self.assertEqual(self.verdict(text), expected)

    def test_residual(self):
        matrix = gaussian(5, 5)
        true = sigma(matrix) * ABOVE
        whole = Fraction(1, 2) + true
        self.assertTrue(self.proves(5, residual(-0.5, dense(matrix)), true, whole))
        self.assertFalse(self.proves(5, residual(-0.5, dense(matrix)), true, whole * BELOW))
        self.assertFalse(self.proves(5, residual(1.0, dense(gaussian(4, 5))), 10, 100))

    def test_concat(self):
        f, g = gaussian(3, 5, 1), gaussian(4, 5, 2)
        u, v = sigma(f) * ABOVE, sigma(g) * ABOVE
        whole = Fraction((float(u) ** 2 + float(v) ** 2) ** 0.5) * ABOVE
        layer = concat(dense(f), dense(g))

        def proved(w):
            claims = [("global-lipschitz", w)]
            return self.verdict(problems.problem(5, layer, (w, u, v), IDENTITY, 1, claims))
        self.assertTrue(proved(whole))
        self.assertFalse(proved(whole * BELOW * BELOW))
        self.assertFalse(proved(u + v - whole))

    def test_evidence_of_another_layer_proves_nothing(self):
        cases = [(plain("relu"), dense([[1.0]])), (dense([[1.0]]), plain("relu")), (residual(1.0, plain("relu")), plain("relu")),
                 (plain("relu"), residual(1.0, plain("relu"))), (compose(plain("relu"), plain("abs")), plain("relu"))]
        for layer, other in cases:
            mixed = problems.Layer(layer.text, other.evidence)
            self.assertFalse(self.proves(1, mixed, Fraction(100)))

    def test_ill_shaped_networks(self):
        good = gaussian(4, 5)
        shapes = [(6, dense(good)), (4, dense(good)), (5, dense(good, [0.0] * 3)), (5, dense(good, [0.0] * 5)),
                  (5, plain("group-sort 2")), (5, plain("group-sort 0")), (5, plain("max-min-halves")), (5, diagonal([1.0] * 4)),
                  (5, diagonal([1.0] * 5, [0.0] * 4))]
        for inputs, layer in shapes:
            self.assertFalse(self.proves(inputs, layer, Fraction(1000)), layer.text[:40])
        self.assertTrue(self.proves(5, dense(good), Fraction(1000)))
        # A network whose second layer does not fit the first.
        self.assertFalse(self.verdict(problems.problem(5, chain([dense(good), dense(good)]), [1000, 1000], IDENTITY, 1,
                                                       [("global-lipschitz", Fraction(10**7))])))

    def test_pairs(self):
        first, last = gaussian(8, 6, 3), gaussian(4, 8, 4)
        u, v = sigma(first) * ABOVE, sigma(last) * ABOVE
        body = chain([dense(first), plain("relu")])

        def proved(i, j, bound):
            return self.verdict(problems.problem(6, body, [u, 1], dense(last), v, [("pair-lipschitz", i, j, bound)]))
        for i in range(4):
            for j in range(i + 1, 4):
                rows = Fraction(float(numpy.linalg.norm(last[i] - last[j]))) * u
                root = Fraction(2 ** 0.5) * u * v
                best = min(rows, root)
                self.assertTrue(proved(i, j, best * ABOVE))
                self.assertFalse(proved(i, j, best * BELOW))
        self.assertFalse(proved(0, 4, Fraction(10**6)))
        # Without a last matrix only sqrt 2 is left.
        root = Fraction(2 ** 0.5)
        for bound, expected in ((root * ABOVE, True), (root * BELOW, False)):
            self.assertEqual(self.verdict(problems.problem(4, IDENTITY, 1, plain("relu"), 1, [("pair-lipschitz", 0, 1, bound)])), expected)

    def network(self):
        """Every kind of layer, with rational biases: (layers, bounds, float evaluation)."""
        a, b, c = gaussian(6, 4, 5), gaussian(6, 6, 6), gaussian(3, 6, 7)
        p, q = gaussian(6, 1, 8)[:, 0], gaussian(3, 1, 9)[:, 0]
        pooled = [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5]]
        layers = [dense(a, p), plain("max-min-halves"), residual(0.5, chain([dense(b), plain("relu")])), leaky_relu(-0.5), plain("group-sort 3"),
                  diagonal([3.0, -3.0, 1.5, 6.0, 4.5, 3.0], p, divisor=3), plain("full-sort"), max_pool(pooled), plain("abs")]
        u, v, w = (sigma(m) * ABOVE for m in (a, b, c))
        root2 = Fraction(2 ** 0.5) * ABOVE
        bounds = [u, 1, [v, 1], 1, 1, 2, 1, root2, 1]

        def evaluate(x):
            y = a @ x + p
            y = numpy.concatenate([numpy.maximum(y[:3], y[3:]), numpy.minimum(y[:3], y[3:])])
            y = 0.5 * y + numpy.maximum(b @ y, 0)
            y = numpy.where(y >= 0, y, -0.5 * y)
            y = numpy.concatenate([-numpy.sort(-y[:3]), -numpy.sort(-y[3:])])
            y = numpy.array([1.0, -1.0, 0.5, 2.0, 1.5, 1.0]) * y + p
            y = -numpy.sort(-y)
            y = numpy.array([max(y[i] for i in window) for window in pooled])
            return c @ numpy.abs(y) + q
        whole = u * (Fraction(1, 2) + v) * 2 * root2 * w
        return layers, bounds, dense(c, q), w, whole, evaluate

    def test_whole_network_and_radius(self):
        layers, bounds, last, w, whole, evaluate = self.network()
        body = chain(layers)
        rng = random.Random(1)
        numerators = [rng.randrange(-50, 50) for _ in range(4)]
        x = numpy.array(numerators) / 7 / 4
        y = evaluate(x)
        winner = int(numpy.argmax(y))
        c = gaussian(3, 6, 7)
        radius = min((y[winner] - y[j]) / min(float(whole / w) * numpy.linalg.norm(c[winner] - c[j]), 2 ** 0.5 * float(whole))
                     for j in range(3) if j != winner)
        self.assertGreater(radius, 0)
        point = (-2, 7, numerators)

        def proved(*claims):
            return self.verdict(problems.problem(4, body, bounds, last, w, claims, [point]))
        self.assertTrue(proved(("global-lipschitz", whole)))
        self.assertFalse(proved(("global-lipschitz", whole * BELOW)))
        self.assertTrue(proved(("robust-class", 0, winner, Fraction(radius * (1 - 1e-9)))))
        self.assertFalse(proved(("robust-class", 0, winner, Fraction(radius * (1 + 1e-9)))))
        self.assertFalse(proved(("robust-class", 0, (winner + 1) % 3, Fraction(0))))
        self.assertFalse(proved(("robust-class", 0, winner, Fraction(-1))))
        self.assertFalse(proved(("robust-class", 1, winner, Fraction(0))))
        self.assertFalse(proved(("robust-class", 0, 3, Fraction(0))))
        # One wrong claim among right ones.
        self.assertFalse(proved(("global-lipschitz", whole), ("global-lipschitz", whole * BELOW)))
        # What is proved is true of sampled slopes.
        steepest = 0.0
        generator = numpy.random.default_rng(2)
        for _ in range(3000):
            here, there = generator.standard_normal((2, 4))
            steepest = max(steepest, numpy.linalg.norm(evaluate(here) - evaluate(there)) / numpy.linalg.norm(here - there))
        self.assertLess(steepest, float(whole))
        self.assertGreater(steepest, float(whole) / 1000)

    def test_rounded_values(self):
        """At every precision what is proved is true, and the error costs no more than it must: the border moves by about 2^-precision."""
        layers, bounds, last, w, whole, evaluate = self.network()
        body = chain(layers)
        x = [31, -7, 12, 45]
        y = evaluate(numpy.array(x) / 7 / 4)
        winner = int(numpy.argmax(y))
        c = gaussian(3, 6, 7)
        radius = min((y[winner] - y[j]) / min(float(whole / w) * numpy.linalg.norm(c[winner] - c[j]), 2 ** 0.5 * float(whole))
                     for j in range(3) if j != winner)

        def proved(precision, r, i=winner):
            return self.verdict(problems.problem(4, body, bounds, last, w, [("robust-class", 0, i, r)], [(-2, 7, x)], precision))
        for precision in (1, 2, 4, 8, 16, 24, 32, 40, 60, 200, 1000):
            self.assertFalse(proved(precision, Fraction(radius * (1 + 1e-9))), precision)
            self.assertFalse(proved(precision, Fraction(0), (winner + 1) % 3), precision)
            loss = 2.0 ** (14 - precision) * float(whole)
            if loss < 1:
                self.assertTrue(proved(precision, Fraction(radius * (1 - 1e-9) * (1 - loss))), precision)
        self.assertFalse(proved(8, Fraction(radius * (1 - 1e-9))))

    def test_errors_grow_with_the_layers(self):
        """f(1001, 1000) = 1000 - 500 > 0. Kept to four bits both coordinates are 1024, and f there is -500: only the next layer's constant tells that
        this says nothing."""
        body, last = diagonal([1.0, 1.0]), dense([[1000.0, -1000.0]], [-500.0])
        point = (0, 1, [1001, 1000])

        def proved(precision, sign, network=body, bound=1, at=point):
            claims = [("robust-" + sign, 0, Fraction(0))]
            return self.verdict(problems.problem(2, network, bound, last, 1415, claims, [at], precision))
        for precision in (1, 4, 8):
            self.assertFalse(proved(precision, "negative"), precision)
        self.assertFalse(proved(4, "positive"))
        self.assertTrue(proved(60, "positive"))
        # The same with the large constant inside the body.
        steep = chain([diagonal([1.0, 1.0]), diagonal([1000.0, 1000.0]), plain("relu")])
        last = dense([[1.0, -1.0]], [-500.0])
        for precision in (1, 4, 8):
            self.assertFalse(proved(precision, "negative", steep, [1, 1000, 1]), precision)
        self.assertTrue(proved(60, "positive", steep, [1, 1000, 1]))

    def test_binary_radius(self):
        weights = [[3.0, -4.0]]
        body, last = plain("relu"), dense(weights, [-1.0])
        # f(2, 1) = 6 - 4 - 1 = 1, so the radius is 1/5.
        point = (0, 1, [2, 1])

        def proved(r, m=last, at=point, sign="positive"):
            return self.verdict(problems.problem(2, body, 1, m, 5 * ABOVE, [("robust-" + sign, 0, r)], [at]))
        self.assertTrue(proved(Fraction(1, 5) * BELOW * BELOW))
        self.assertFalse(proved(Fraction(1, 5)))
        self.assertFalse(proved(Fraction(0), sign="negative"))
        # Negative values, and zero, which has no sign to keep: f(1, 3) = -10, f(0, 1) = -5, f(1/3, 0) = 0.
        self.assertTrue(proved(Fraction(2) * BELOW * BELOW, at=(0, 1, [1, 3]), sign="negative"))
        self.assertFalse(proved(Fraction(2), at=(0, 1, [1, 3]), sign="negative"))
        self.assertFalse(proved(Fraction(0), at=(0, 1, [1, 3])))
        self.assertTrue(proved(Fraction(1) * BELOW * BELOW, at=(0, 1, [0, 1]), sign="negative"))
        self.assertFalse(proved(Fraction(1), at=(0, 1, [0, 1]), sign="negative"))
        for sign in ("positive", "negative"):
            self.assertFalse(proved(Fraction(0), at=(0, 3, [1, 0]), sign=sign))
        for at in ((0, 0, [2, 1]), (0, -1, [2, 1]), (0, 1, [2, 1, 0]), (0, 1, [2])):
            self.assertFalse(proved(Fraction(0), at=at))
        # Two outputs have no one sign.
        self.assertFalse(proved(Fraction(0), m=dense(weights * 2)))

    def test_equal_logits_are_not_robust(self):
        last = dense([[1.0, 0.0], [0.0, 1.0]])
        text = problems.problem(2, IDENTITY, 1, last, ABOVE, [("robust-class", 0, 0, Fraction(0))], [(0, 1, [1, 1])])
        self.assertFalse(self.verdict(text))
        # Equal rows: the margin is all that counts.
        same = dense([[1.0, 0.0], [1.0, 0.0]], [1.0, 0.0])
        text = problems.problem(2, IDENTITY, 1, same, Fraction(2), [("robust-class", 0, 0, Fraction(10**9))], [(0, 1, [1, 1])])
        self.assertTrue(self.verdict(text))


class Reader(unittest.TestCase):
    def setUp(self):
        matrix = gaussian(3, 4)
        self.good = problems.problem(4, chain([dense(matrix), plain("relu")]), [sigma(matrix) * ABOVE, 1], leaky_relu(0.5), 1,
                                     [("global-lipschitz", sigma(matrix) * ABOVE), ("robust-class", 0, 0, Fraction(0))], [(0, 255, [1, 2, 3, 4])])

    def refuses(self, text):
        done = problems.run(text)
        self.assertEqual(done.returncode, 3, (text[:200], done.stdout, done.stderr))
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(b"cannot be read", done.stderr)

    def test_truncated_at_every_word(self):
        words = self.good.split()
        self.assertIn(problems.run(self.good).returncode, (0, 1))
        for k in range(len(words)):
            self.refuses(" ".join(words[:k]))

    def test_words_out_of_place(self):
        words = self.good.split()
        for k in range(len(words)):
            self.refuses(" ".join(words[:k] + ["?"] + words[k + 1:]))
            done = problems.run(" ".join(words[:k] + words[k + 1:]))
            self.assertIn(done.returncode, (1, 3))

    def test_numbers(self):
        for wrong in ("1e3", "0x10", "+1", "1.0", "--1", "-", "1_000", "0b1", "nan", "٣"):
            self.refuses(self.good.replace("input 4", f"input {wrong}"))
            self.refuses(self.good.replace("point 0 255", f"point 0 {wrong}"))
        self.refuses(self.good.replace("input 4", "input -1"))
        self.refuses(self.good.replace("input 4", "input 65537"))
        self.refuses(self.good.replace("precision 60", "precision 0"))
        self.refuses(self.good.replace("precision 60", "precision 100001"))
        self.refuses(self.good.replace("point 0 255", "point 100001 255"))
        self.refuses(self.good.replace("point 0 255", "point 0 " + "9" * 20001))

    def test_values_that_are_not_finite_numbers(self):
        for bits in (0x7F800000, 0xFF800000, 0x7FC00000, 2**32, -1, 2**64):
            self.refuses(self.good.replace(f"leaky-relu f32 {problems.f32_bits(0.5)}", f"leaky-relu f32 {bits}"))

    def test_claims_are_required(self):
        head = self.good[:self.good.index("claims")]
        self.refuses(head + "claims 0\nend\n")
        self.refuses(self.good + "end\n")
        self.refuses(self.good.replace("\nend", "\nglobal-lipschitz 1 1\nend"))

    def test_hostile_sizes(self):
        self.refuses("lipcert-problem 1 input 4 body dense 1 65536 65536 f32")
        self.refuses("lipcert-problem 1 input 4 body " + "compose " * 3000)
        self.refuses(b"\xff\xfe" + self.good.encode())
        self.refuses(b"")
        self.refuses("x" * 10**6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
