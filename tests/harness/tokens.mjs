// Tokens made in this process: many at once, and wrong ones that `invigil token` would not make.
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SignJWT } from 'jose';

const platformKeys = new Map();

function platformKey(suite) {
  if (!platformKeys.has(suite.keyPath)) platformKeys.set(suite.keyPath, createPrivateKey(readFileSync(suite.keyPath)));
  return platformKeys.get(suite.keyPath);
}

const now = () => Math.floor(Date.now() / 1000);
const claimsOf = (role, subject, claims) => ({ iss: 'invigil', aud: 'invigil', sub: subject, roles: [role], iat: now(), exp: now() + 3600, ...claims });

/** A token signed by `key` (the suite's platform key unless told), whatever its claims say. */
export function sign(suite, role, subject, { claims, key, kid = 'platform', alg = 'EdDSA' } = {}) {
  return new SignJWT(claimsOf(role, subject, claims)).setProtectedHeader({ alg, kid, typ: 'JWT' }).sign(key ?? platformKey(suite));
}

/** A token with `alg: none`; `header` has further members. */
export function unsigned(role, subject, header = {}) {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
  return `${part({ alg: 'none', typ: 'JWT', ...header })}.${part(claimsOf(role, subject))}.`;
}

/** The platform's public key, which anyone may know, as an attacker would use it for HMAC. */
export const publicKeyBytes = (suite) => Buffer.from(createPublicKey(platformKey(suite)).export({ format: 'pem', type: 'spki' }));
