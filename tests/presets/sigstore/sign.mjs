// Signs a statement anew with Sigstore's own bundle builder and a key of the caller's: the bundle is theirs, byte for byte, the statement ours.
//
//   node sign.mjs CERTIFICATE KEY.pem PUBLIC_KEY.pem OUT
//
// The statement is taken from CERTIFICATE as it is. The key is named as every client understands it: by its OpenSSH fingerprint.
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { bundleToJSON } from '@sigstore/bundle';
import { DSSEBundleBuilder } from '@sigstore/sign';

const [certificate, keyFile, publicFile, out] = process.argv.slice(2);
if (!out) {
  console.error('usage: node sign.mjs CERTIFICATE KEY.pem PUBLIC_KEY.pem OUT');
  process.exit(2);
}
const envelope = JSON.parse(readFileSync(certificate, 'utf8')).dsseEnvelope;
const key = createPrivateKey(readFileSync(keyFile));
const publicKey = readFileSync(publicFile, 'utf8');

// The wire form that OpenSSH hashes: length-prefixed strings.
const field = (bytes) => Buffer.concat([Buffer.from([0, 0, 0, 0].map((_, i) => (bytes.length >> (24 - 8 * i)) & 255)), bytes]);
const jwk = createPublicKey(publicKey).export({ format: 'jwk' });
const wire = jwk.kty === 'OKP'
  ? [Buffer.from('ssh-ed25519'), Buffer.from(jwk.x, 'base64url')]
  : [Buffer.from('ecdsa-sha2-nistp256'), Buffer.from('nistp256'), Buffer.concat([Buffer.from([4]), Buffer.from(jwk.x, 'base64url'), Buffer.from(jwk.y, 'base64url')])];
const fingerprint = `SHA256:${createHash('sha256').update(Buffer.concat(wire.map(field))).digest('base64').replace(/=+$/, '')}`;

const signer = {
  sign: async (data) => ({
    signature: sign(jwk.kty === 'OKP' ? null : 'sha256', data, key),
    key: { $case: 'publicKey', publicKey, hint: fingerprint },
  }),
};
const builder = new DSSEBundleBuilder({ signer, witnesses: [] });
const bundle = await builder.create({ data: Buffer.from(envelope.payload, 'base64'), type: envelope.payloadType });
writeFileSync(out, JSON.stringify(bundleToJSON(bundle)));
console.log(`signed as ${fingerprint}`);
