"""Damaged files of others are refused: every changed byte of a shard, shards of an older version, records that do not follow from the bounds."""

import base64
import re
import struct

from faults_support import *


class Damage(Faults):
    def setUp(self):
        super().setUp()
        self.private, self.public = self.key("ed25519")
        self.shard = self.folder / "0.shard"
        self.lipcert("certify", self.model, "-o", self.shard, "--data", self.data, "--label-column", "-1", "--shard", "0/1", "--radii", "global")
        self.content = self.shard.read_bytes()

    def merge(self, content, code=3):
        """Without the recheck: what `merge` signs must not depend on it."""
        path = self.write("changed.shard", content)
        before = self.listing()
        done = self.lipcert("merge", self.model, path, "--key", self.private, "-o", self.folder / "merged.json", "--allow-low-accuracy", "--no-recheck", code=code)
        if code != 0:
            self.assertRegex(done.stderr, r"\Alipcert: error: [^\n]+\.\n\Z")
            self.assertEqual(self.listing(), before)
        return done

    def altered(self, change):
        """By somebody who knows how shards are made."""
        shard = json.loads(self.content)
        change(shard)
        del shard["sha256"]
        shard["sha256"] = sha256(json.dumps(shard, separators=(",", ":")).encode())
        return json.dumps(shard, separators=(",", ":"))

    def test_every_byte_of_a_shard(self):
        start = self.content.index(b'"records":"') + len(b'"records":"')
        places = set(range(0, len(self.content), 7)) | set(range(start, start + 96)) | {len(self.content) - 1}
        for at in sorted(places):
            for flip in (1, 2) if start <= at < start + 96 else (1,):
                changed = bytearray(self.content)
                changed[at] ^= flip
                self.merge(bytes(changed))
        for changed in (self.content[:-1], self.content + b"\n", b" " + self.content, self.content.replace(b",", b", ", 1), b"", self.content[:len(self.content) // 2]):
            self.merge(changed)
        self.merge(self.content, code=0)

    def test_older_shards(self):
        shard = json.loads(self.content)
        del shard["sha256"]
        shard["lipcertShard"] = 1
        self.assertRegex(self.merge(json.dumps(shard, separators=(",", ":"))).stderr, "older version.*make the shard again")

    def test_records_that_do_not_follow(self):
        """A right digest does not make a record right."""
        def record(change):
            def apply(shard):
                records = bytearray(base64.b64decode(shard["records"]))
                index, predicted, label, margin, radius = struct.unpack_from("<QIIdd", records, 32)
                struct.pack_into("<QIIdd", records, 32, *change(index, predicted, label, margin, radius))
                shard["records"] = base64.b64encode(records).decode()
            return apply

        self.merge(self.altered(lambda shard: None), code=0)
        for change in (lambda i, p, l, m, r: (i, p, l, m * 2, r), lambda i, p, l, m, r: (i, p, l, m, r * (1 + 2 ** -52)), lambda i, p, l, m, r: (i, 2, l, m, r),
                       lambda i, p, l, m, r: (i, p, 2, m, r), lambda i, p, l, m, r: (i, p, l, 2.67e152, r), lambda i, p, l, m, r: (i, p, l, m, float("inf")),
                       lambda i, p, l, m, r: (i, 0xFFFFFFFF, l, m, 0.0), lambda i, p, l, m, r: (i, p, l, 0.0, 0.0)):
            done = self.merge(self.altered(record(change)))
            self.assertTrue(re.search("does not follow from the model's bounds", done.stderr), done.stderr)


if __name__ == "__main__":
    main()
