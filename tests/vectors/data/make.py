#!/usr/bin/env python3
"""Writes the test vectors for data readers: small data files that are read, with their exact contents, and files that are refused.

Run in this folder: python3 make.py. Needs only Python's standard library. `index.json` lists every case:
  name, format, path, labels (a label file or null), labelColumn (or null), result "read" or "refused";
  refused: `says`, words of which the sentence contains one (separated by |, any case);
  read: shape, values (exact fractions in the file's order, images as channel, row, column), classes (labels or null), files.
"""
import fractions
import gzip
import hashlib
import json
import os
import shutil
import struct
import zlib

cases = []
here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)
for old in os.listdir('.'):
    if old != 'make.py':
        shutil.rmtree(old) if os.path.isdir(old) else os.remove(old)


def write(path, data):
    if os.path.dirname(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data)


def packed(data):
    return gzip.compress(data, 9, mtime=0)


def digest(path, role):
    data = open(path, 'rb').read()
    return {'role': role, 'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()}


def folder_digest(path):
    lines, total = [], 0
    for folder, _, names in os.walk(path):
        for name in names:
            if name.startswith('.'):
                continue
            full = os.path.join(folder, name)
            data = open(full, 'rb').read()
            total += len(data)
            lines.append((os.path.relpath(full, path), hashlib.sha256(data).hexdigest()))
    text = ''.join(f'{sha}  {name}\n' for name, sha in sorted(lines))
    return {'role': 'folder', 'bytes': total, 'sha256': hashlib.sha256(text.encode()).hexdigest()}


def case(name, kind, path, labels, column, result):
    cases.append({'name': name, 'format': kind, 'path': path, 'labels': labels, 'labelColumn': column, 'result': result})
    return cases[-1]


def text_of(value):
    value = fractions.Fraction(value)
    return str(value.numerator) if value.denominator == 1 else f'{value.numerator}/{value.denominator}'


def reads(name, kind, path, data, shape, values, classes=None, labels=None, column=None):
    """data: bytes of the file, or None when it is there already; values: one list for each sample."""
    if data is not None:
        write(path, data)
    entry = case(name, kind, path, labels, column, 'read')
    entry['shape'] = shape
    entry['values'] = [[text_of(v) for v in sample] for sample in values]
    entry['classes'] = classes
    if kind == 'png-folder':
        entry['files'] = [folder_digest(path)]
    else:
        entry['files'] = [digest(path, 'samples')] + ([digest(labels, 'labels')] if labels else [])


def refuses(name, kind, path, data, says, labels=None, column=None):
    if data is not None:
        write(path, data)
    case(name, kind, path, labels, column, 'refused')['says'] = says


# ------------------------------------------------------------------------------------------------------------------------------------ IDX
def idx(dims, data, kind=8):
    return bytes([0, 0, kind, len(dims)]) + b''.join(struct.pack('>I', d) for d in dims) + bytes(data)


pixels = [0, 1, 2, 127, 128, 255, 9, 8, 7, 6, 5, 4]
two = [pixels[:6], pixels[6:]]
images = idx([2, 2, 3], pixels)
write('labels.idx', idx([2], [3, 0]))
write('labels.idx.gz', packed(idx([2], [3, 0])))
write('labels.txt', b'3\n0\n')
write('labels_crlf.txt', b' 3\r\n0\r\n\r\n')
reads('idx images', 'idx', 'images.idx', images, [1, 2, 3], two)
reads('idx images, labels', 'idx', 'images.idx', None, [1, 2, 3], two, [3, 0], 'labels.idx')
reads('idx images gz, labels gz', 'idx', 'images.idx.gz', packed(images), [1, 2, 3], two, [3, 0], 'labels.idx.gz')
reads('idx gz of two members', 'idx', 'members.idx.gz', packed(images[:9]) + packed(images[9:]), [1, 2, 3], two, [3, 0], 'labels.txt')
reads('idx rows', 'idx', 'rows.idx', idx([2, 6], pixels), [6], two, [3, 0], 'labels_crlf.txt')
refuses('idx magic', 'idx', 'bad/magic.idx', b'\1' + images[1:], 'IDX')
refuses('idx of 32-bit elements', 'idx', 'bad/type.idx', idx([1, 1, 1], [0, 0, 0, 0], 13), 'byte')
refuses('idx cut off', 'idx', 'bad/cut.idx', images[:-1], 'cut|short|end')
refuses('idx header cut off', 'idx', 'bad/header.idx', images[:10], 'cut|short|end')
refuses('idx too long', 'idx', 'bad/long.idx', images + b'\0', 'after|more|end')
refuses('idx without samples', 'idx', 'bad/none.idx', idx([0, 2, 3], []), '0|empty|no sample')
refuses('idx with an empty side', 'idx', 'bad/side.idx', idx([2, 0, 3], []), '0|empty')
refuses('idx of labels as samples', 'idx', 'labels.idx', None, 'dimension')
refuses('idx of four dimensions', 'idx', 'bad/four.idx', idx([1, 1, 2, 3], pixels[:6]), 'dimension')
refuses('idx of huge size', 'idx', 'bad/huge.idx', idx([4294967295, 4294967295, 4294967295], pixels), '2^28|large|entries')
refuses('idx gz cut off', 'idx', 'bad/cut.idx.gz', packed(images)[:-5], 'cut|short|end|gzip')
refuses('idx gz with a wrong checksum', 'idx', 'bad/crc.idx.gz', packed(images)[:-8] + b'\0\0\0\0' + packed(images)[-4:], 'gzip')
refuses('idx gz with junk after it', 'idx', 'bad/junk.idx.gz', packed(images) + b'junk', 'gzip')
refuses('empty file', 'idx', 'bad/empty', b'', 'empty')
refuses('no such file', 'idx', 'bad/nothing-here.idx', None, 'open|exist|find|such')
refuses('fewer labels', 'idx', 'images.idx', None, 'label', 'bad/one.txt')
write('bad/one.txt', b'3\n')
write('bad/three.idx', idx([3], [3, 0, 1]))
refuses('more labels', 'idx', 'images.idx', None, 'label', 'bad/three.idx')
for name, text in [('header', b'class\n3\n0\n'), ('half', b'3\n0.5\n'), ('minus', b'3\n-2\n'), ('nan', b'nan\n0\n'), ('columns', b'3,0\n0,1\n'), ('word', b'3\nzero\n')]:
    write(f'bad/label_{name}.txt', text)
    refuses('label file: ' + name, 'idx', 'images.idx', None, 'label|integer|number', f'bad/label_{name}.txt')
write('bad/labels.txt.gz', packed(b'3\n0\n'))
refuses('label text in gzip', 'idx', 'images.idx', None, 'gzip|label', 'bad/labels.txt.gz')
write('bad/labels_cut.idx', idx([2], [3]))
refuses('label file cut off', 'idx', 'images.idx', None, 'label', 'bad/labels_cut.idx')

# -------------------------------------------------------------------------------------------------------------------------------- CIFAR-10
one = bytes([7]) + bytes((i * 7 + 3) % 256 for i in range(3072))
other = bytes([0]) + bytes((i * 5 + 1) % 256 for i in range(3072))
both = [list(one[1:]), list(other[1:])]
reads('cifar10', 'cifar10', 'cifar.bin', one + other, [3, 32, 32], both, [7, 0])
reads('cifar10 gz', 'cifar10', 'cifar.bin.gz', packed(one + other), [3, 32, 32], both, [7, 0])
refuses('cifar10 cut off', 'cifar10', 'bad/cut.bin.gz', packed((one + other)[:-1]), 'cut|3073|short')
refuses('cifar10 label', 'cifar10', 'bad/label.bin.gz', packed(bytes([10]) + one[1:]), 'label')


# ------------------------------------------------------------------------------------------------------------------------------------ NPY
def npy(descr, shape, data, version=1, order='False', header=None):
    if header is None:
        header = "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }" % (descr, order, ', '.join(map(str, shape)) + (',' if len(shape) == 1 else ''))
    head = header.encode()
    prefix = 10 if version == 1 else 12
    head += b' ' * (-(prefix + len(head) + 1) % 64) + b'\n'
    return b'\x93NUMPY' + bytes([version, 0]) + struct.pack('<H' if version == 1 else '<I', len(head)) + head + data


doubles = [0.1, -2.5, 5e-324, -1.7976931348623157e308, -0.0, 3.0]
reads('npy f8', 'npy', 'f8.npy', npy('<f8', [2, 3], struct.pack('<6d', *doubles)), [3], [doubles[:3], doubles[3:]], [3, 0], 'labels.idx')
singles = [struct.unpack('<f', struct.pack('<f', v))[0] for v in (0.1, -2.5, 1e-45, 3.4e38)]
reads('npy f4', 'npy', 'f4.npy', npy('<f4', [1, 2, 2], struct.pack('<4f', *singles)), [1, 2, 2], [singles])
reads('npy >f4, two channels, version 2', 'npy', 'f4_big.npy', npy('>f4', [1, 2, 1, 2], struct.pack('>4f', *singles), 2), [2, 1, 2], [singles])
halves = [struct.unpack('<e', struct.pack('<e', v))[0] for v in (0.1, -2.5, 6e-8, 65504.0)]
reads('npy f2, version 3', 'npy', 'f2.npy', npy('<f2', [2, 2], struct.pack('<4e', *halves), 3), [2], [halves[:2], halves[2:]])
reads('npy u1', 'npy', 'u1.npy', npy('|u1', [2, 2, 3], bytes(pixels)), [1, 2, 3], two)
reads('npy i1', 'npy', 'i1.npy', npy('|i1', [1, 4], struct.pack('<4b', -128, -1, 0, 127)), [4], [[-128, -1, 0, 127]])
reads('npy i2', 'npy', 'i2.npy', npy('<i2', [1, 3], struct.pack('<3h', -32768, -1, 32767)), [3], [[-32768, -1, 32767]])
reads('npy u2 big', 'npy', 'u2.npy', npy('>u2', [1, 2], struct.pack('>2H', 1, 65535)), [2], [[1, 65535]])
reads('npy i4', 'npy', 'i4.npy', npy('<i4', [1, 3], struct.pack('<3i', -2147483648, -1, 2147483647)), [3], [[-2147483648, -1, 2147483647]])
reads('npy u4', 'npy', 'u4.npy', npy('<u4', [1, 2], struct.pack('<2I', 1, 4294967295)), [2], [[1, 4294967295]])
big = 2**53 - 1
reads('npy i8, double quotes, keys in another order', 'npy', 'i8.npy',
      npy('', [], struct.pack('<2q', -big, big), header='{"shape": (1, 2), "descr": "<i8", "fortran_order": False}'), [2], [[-big, big]])
write('labels.npy', npy('<i8', [2], struct.pack('<2q', 3, 0)))
reads('npy labels', 'npy', 'u1.npy', None, [1, 2, 3], two, [3, 0], 'labels.npy')
write('labels_n1.npy', npy('<i8', [2, 1], struct.pack('<2q', 3, 0)))
reads('npy labels of shape (N, 1)', 'npy', 'u1.npy', None, [1, 2, 3], two, [3, 0], 'labels_n1.npy')
for name, shape in [('one_hot', [2, 4]), ('row', [1, 2]), ('deep', [2, 1, 1])]:
    size = 1
    for side in shape:
        size *= side
    write(f'bad/labels_{name}.npy', npy('<i8', shape, struct.pack(f'<{size}q', *([3, 0] * size)[:size])))
    refuses('npy labels: ' + name, 'npy', 'u1.npy', None, 'label|integers|dimension', f'bad/labels_{name}.npy')
write('bad/labels_n1.idx', idx([2, 1], [3, 0]))
refuses('idx labels of two dimensions', 'idx', 'images.idx', None, 'label|integers|dimension', 'bad/labels_n1.idx')
refuses('npy NaN', 'npy', 'bad/nan.npy', npy('<f4', [1, 2], struct.pack('<2f', 1, float('nan'))), 'nan')
refuses('npy infinity', 'npy', 'bad/inf.npy', npy('<f8', [1, 2], struct.pack('<2d', 1, float('-inf'))), 'inf')
refuses('npy f2 infinity', 'npy', 'bad/inf2.npy', npy('<f2', [1, 1], b'\x00\x7c'), 'inf')
refuses('npy Fortran order', 'npy', 'bad/fortran.npy', npy('<f4', [1, 2], struct.pack('<2f', 1, 2), order='True'), 'column|order|fortran')
refuses('npy complex', 'npy', 'bad/complex.npy', npy('<c8', [1, 1], bytes(8)), 'type|c8')
refuses('npy object', 'npy', 'bad/object.npy', npy('|O', [1, 1], bytes(8)), 'type|O')
refuses('npy 64-bit integer', 'npy', 'bad/i8.npy', npy('<i8', [1, 1], struct.pack('<q', 2**53)), '2^53|integer')
refuses('npy cut off', 'npy', 'bad/cut.npy', npy('<f4', [1, 2], bytes(7)), 'cut|short|end')
refuses('npy too long', 'npy', 'bad/long.npy', npy('<f4', [1, 2], bytes(9)), 'after|more|end')
refuses('npy vector', 'npy', 'bad/vector.npy', npy('<f4', [2], bytes(8)), 'dimension|shape')
refuses('npy five dimensions', 'npy', 'bad/five.npy', npy('<f4', [1, 1, 1, 1, 1], bytes(4)), 'dimension|shape')
refuses('npy huge', 'npy', 'bad/huge.npy', npy('<f4', [1, 4294967296, 4294967296], bytes(8)), '2^28|large|entries')
refuses('npy header', 'npy', 'bad/header.npy', npy('<f4', [1, 1], bytes(4), header="{'descr': '<f4', 'shape': (1, 1)}"), 'header|npy')
refuses('npy header junk', 'npy', 'bad/junk.npy', npy('<f4', [1, 1], bytes(4), header="{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), } 7"), 'header|npy')
refuses('npy version', 'npy', 'bad/version.npy', npy('<f4', [1, 1], bytes(4), 4), 'npy|version')
refuses('npy magic', 'npy', 'bad/magic.npy', b'\x93NUMPX\x01\x00' + bytes(100), 'npy')
refuses('npy gz', 'npy', 'bad/gz.npy', packed(npy('<f4', [1, 1], bytes(4))), 'gzip')
refuses('labels with fractions', 'npy', 'u1.npy', None, 'label|integer', 'bad/nan.npy')

# ------------------------------------------------------------------------------------------------------------------------------------ CSV
F = fractions.Fraction
reads('csv', 'csv', 'plain.csv', b'1,-2.5,.125\n+0.1,1e-3,2E+2', [3], [[1, F('-2.5'), F('0.125')], [F('0.1'), F('0.001'), 200]])
reads('csv header, CR LF, spaces, empty end', 'csv', 'header.csv', b'a, "b",c\r\n 1 ,\t2,3.\r\n4,5,6\r\n\r\n\r\n', [3], [[1, 2, 3], [4, 5, 6]], [3, 0], 'labels.idx')
reads('csv label column', 'csv', 'labelled.csv', b'1,2,0,4\n5,6,1.0,8\n', [3], [[1, 2, 4], [5, 6, 8]], [0, 1], column=2)
digits = '0.' + '123456789' * 8
reads('csv long decimals', 'csv', 'long.csv', f'{digits},1e-400\n-{digits},1e400\n'.encode(), [2], [[F(digits), F(1, 10**400)], [-F(digits), 10**400]])
reads('csv one number', 'csv', 'one.csv', b'-0', [1], [[0]])
for name, text, says in [
        ('NaN in the first line', b'1,nan\n3,4\n', 'nan|number'), ('infinity in the first line', b'-Inf,2\n3,4\n', 'inf|number'),
        ('NaN', b'1,2\nNaN,4\n', 'nan|number'), ('broken number in the first line', b'1,2..5\n3,4\n', 'number'), ('ragged', b'1,2\n3\n', 'number|column|field'),
        ('empty line', b'1,2\n\n3,4\n', 'empty'), ('hexadecimal', b'1,2\n0x3,4\n', 'number'), ('word', b'a,b\n1,2\nthree,4\n', 'number'),
        ('byte order mark', b'\xef\xbb\xbf1,2\n3,4\n', 'byte order mark'), ('only a point', b'.,2\n3,4\n', 'number'), ('empty field in the first line', b'1,,3\n1,2,3\n', 'number|empty'), ('number in a broken header', b'a,1..2\n1,2\n', 'number'), ('header of another width', b'a,b,c\n1,2\n', 'field|column|number'), ('exponent', b'1,2\n1e401,3\n', 'number'),
        ('header only', b'a,b\n', 'sample'), ('empty field', b'1,2\n3,\n', 'number'), ('semicolons', b'1,2\n3;4\n', 'number'), ('spaces only', b' \n', 'sample|empty|number'),
        ('zero byte', b'1,2\n3,\0\n', 'number'), ('two carriage returns in the empty end', b' 3\r\n03\r\n0\n\r\n\r\r\n', 'empty|number')]:
    refuses('csv: ' + name, 'csv', 'bad/' + name.replace(' ', '_') + '.csv', text, says)
refuses('csv label column outside', 'csv', 'plain.csv', None, 'column', column=3)
refuses('csv label not an integer', 'csv', 'plain.csv', None, 'integer', column=1)
refuses('csv label twice', 'csv', 'plain.csv', None, 'label', 'labels.txt', 0)
refuses('csv gz', 'csv', 'bad/gz.csv', packed(b'1,2\n'), 'gzip')
refuses('a folder as csv', 'csv', 'bad', None, 'regular|folder|file')


# ------------------------------------------------------------------------------------------------------------------------------------ PNG
def chunk(kind, body):
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))


def pack_row(values, depth):
    if depth == 8:
        return bytes(values)
    bits = ''.join(format(v, f'0{depth}b') for v in values)
    bits += '0' * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def filtered(rows, step, filters):
    out, up = b'', bytes(len(rows[0])) if rows else b''
    for k, row in enumerate(rows):
        f = filters[k % len(filters)]
        line = []
        for i, x in enumerate(row):
            a = row[i - step] if i >= step else 0
            b = up[i]
            c = up[i - step] if i >= step else 0
            line.append((x - [0, a, b, (a + b) // 2, paeth(a, b, c)][f if f < 5 else 0]) % 256)
        out += bytes([f]) + bytes(line)
        up = row
    return out


def png(width, height, colour, values, depth=8, interlace=0, filters=(0,), palette=None, before=b'', after=b'', pieces=1, extra=b'', cut=0):
    """values: rows of pixels, a pixel being a list of samples."""
    step = max(1, len(values[0][0]) * depth // 8)
    if interlace:
        data = b''
        for r0, rs, c0, cs in ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)):
            rows = [pack_row([s for p in row[c0::cs] for s in p], depth) for row in values[r0::rs] if row[c0::cs]]
            data += filtered(rows, step, filters)
    else:
        data = filtered([pack_row([s for p in row for s in p], depth) for row in values], step, filters)
    packed_data = zlib.compress(data[:len(data) - cut] + extra, 9)
    part = -(-len(packed_data) // pieces)
    image = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, interlace))
    if palette:
        image += chunk(b'PLTE', bytes(palette))
    image += before
    for i in range(pieces):
        image += chunk(b'IDAT', packed_data[i * part:(i + 1) * part])
    return image + after + chunk(b'IEND', b'')


def grey(width, height, seed):
    return [[[(seed * 37 + r * 71 + c * 29 + r * c * 13) % 256] for c in range(width)] for r in range(height)]


def rgb(width, height, seed):
    return [[[(seed * 31 + r * 17 + c * 5 + k * 90 + r * c * k) % 256 for k in range(3)] for c in range(width)] for r in range(height)]


def planes(values):
    return [p[k] for k in range(len(values[0][0])) for row in values for p in row]


g1, g2 = grey(5, 6, 1), grey(5, 6, 2)
write('flat/b.png', png(5, 6, 0, g2, filters=(0, 1, 2, 3, 4), before=chunk(b'gAMA', struct.pack('>I', 45455)), pieces=3))
write('flat/a.png', png(5, 6, 0, g1, filters=(4, 3, 2, 1)))
write('flat/.hidden', b'not looked at')
reads('png folder', 'png-folder', 'flat', None, [1, 6, 5], [planes(g1), planes(g2)])
c1, c2, c3 = rgb(9, 10, 1), rgb(9, 10, 2), rgb(9, 10, 3)
write('classes/a/1.png', png(9, 10, 2, c1, filters=(0, 1, 2, 3, 4)))
write('classes/a-b/1.png', png(9, 10, 2, c2, interlace=1, filters=(4, 1, 3)))
palette = [(i * 7) % 256 for i in range(30)]
indices = [[[(r + 3 * c) % 10] for c in range(9)] for r in range(10)]
write('classes/a/2.png', png(9, 10, 3, indices, palette=palette))
colours = [[palette[3 * p[0]:3 * p[0] + 3] for p in row] for row in indices]
# Samples in the order of the relative names: 'a-b/1.png' < 'a/1.png'; labels by sub-folder names: a is 0, a-b is 1.
reads('png classes', 'png-folder', 'classes', None, [3, 10, 9], [planes(c2), planes(c1), planes(colours)], [1, 0, 0])
for depth in (1, 2, 4):
    small = [[[(r * 3 + c * 5 + r * c) % 2**depth] for c in range(9)] for r in range(5)]
    write(f'depth{depth}/0/plain.png', png(9, 5, 0, small, depth=depth, filters=(0, 4)))
    write(f'depth{depth}/1/interlaced.png', png(9, 5, 0, small, depth=depth, interlace=1, filters=(2, 3)))
    spread = [[[p[0] * (255 // (2**depth - 1))] for p in row] for row in small]
    reads(f'png grey of {depth} bits', 'png-folder', f'depth{depth}', None, [1, 5, 9], [planes(spread)] * 2, [0, 1])
few = [[[(r + c) % 3] for c in range(9)] for r in range(5)]
write('palette2/p.png', png(9, 5, 3, few, depth=2, palette=palette[:9]))
reads('png palette of 2 bits', 'png-folder', 'palette2', None, [3, 5, 9], [planes([[palette[3 * p[0]:3 * p[0] + 3] for p in row] for row in few])])

good = png(5, 6, 0, g1)
wrong = bytearray(good)
wrong[45] ^= 1
for name, image, says in [
        ('16 bits', png(5, 6, 0, [[[0, v[0]] for v in row] for row in g1]).replace(chunk(b'IHDR', struct.pack('>IIBBBBB', 5, 6, 8, 0, 0, 0, 0)), chunk(b'IHDR', struct.pack('>IIBBBBB', 5, 6, 16, 0, 0, 0, 0))), 'bit'),
        ('alpha', png(5, 6, 4, [[[v[0], 255] for v in row] for row in g1]), 'alpha'), ('alpha colours', png(9, 10, 6, [[v + [255] for v in row] for row in c1]), 'alpha'),
        ('transparent', png(5, 6, 0, g1, before=chunk(b'tRNS', b'\0\0')), 'transparen|tRNS|alpha'), ('checksum', bytes(wrong), 'check|damage|crc'), ('cut', good[:-10], 'cut|end|damage|short|read'),
        ('too little', png(5, 6, 0, g1, cut=1), 'data|damage'), ('palette index', png(9, 5, 3, few, depth=2, palette=palette[:6]), 'palette'),
        ('no palette', png(9, 5, 3, few, depth=2), 'palette'), ('not a png', b'GIF89a' + bytes(100), 'png'), ('filter', png(5, 6, 0, g1, filters=(5,)), 'filter|data|damage')]:
    folder = 'bad/png_' + name.replace(' ', '_')
    write(folder + '/a.png', image)
    refuses('png: ' + name, 'png-folder', folder, None, says)
write('bad/png_sizes/a.png', good)
write('bad/png_sizes/b.png', png(6, 5, 0, grey(6, 5, 1)))
refuses('png: sizes', 'png-folder', 'bad/png_sizes', None, 'size|shape')
write('bad/png_channels/a.png', good)
write('bad/png_channels/b.png', png(5, 6, 2, rgb(5, 6, 1)))
refuses('png: channels', 'png-folder', 'bad/png_channels', None, 'channel|size|shape')
write('bad/png_other/a.png', good)
write('bad/png_other/readme.txt', b'text')
refuses('png: another file', 'png-folder', 'bad/png_other', None, 'png')
write('bad/png_mixed/a.png', good)
write('bad/png_mixed/class/a.png', good)
refuses('png: images beside sub-folders', 'png-folder', 'bad/png_mixed', None, 'folder')
write('bad/png_hollow/a/a.png', good)
write('bad/png_hollow/b/.keep', b'')
refuses('png: a sub-folder without images', 'png-folder', 'bad/png_hollow', None, 'folder')
write('bad/png_deep/a/b/a.png', good)
refuses('png: deeper folders', 'png-folder', 'bad/png_deep', None, 'png|folder')
write('bad/png_none/.keep', b'')
refuses('png: no images', 'png-folder', 'bad/png_none', None, 'image|png')
refuses('png: with a label file', 'png-folder', 'flat', None, 'label', 'labels.txt')

with open('index.json', 'w') as f:
    f.write('[\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]\n')
print(len(cases), 'cases')
