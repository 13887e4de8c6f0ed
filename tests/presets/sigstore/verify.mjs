// Checks a certificate with Sigstore's JavaScript verifier in public-key mode: no transparency log, no certificate authority, the key that
// the caller trusts.
//
//   node verify.mjs CERTIFICATE PUBLIC_KEY.pem
//
// Exit code 0 and one line when it verifies, 1 otherwise.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const [certificate, publicKey] = process.argv.slice(2);
if (!publicKey) {
  console.error('usage: node verify.mjs CERTIFICATE PUBLIC_KEY.pem');
  process.exit(2);
}
const pem = readFileSync(publicKey, 'utf8');
const hint = createHash('sha256').update(pem).digest('hex');
const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
const noAuthorities = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
try {
  const bundle = bundleFromJSON(JSON.parse(readFileSync(certificate, 'utf8')));
  const trust = toTrustMaterial(noAuthorities, { [hint]: { rawBytes: der } });
  new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0 }).verify(toSignedEntity(bundle));
  console.log(`verified under key ${hint}`);
} catch (error) {
  console.error(`not verified: ${error.message}`);
  process.exit(1);
}
