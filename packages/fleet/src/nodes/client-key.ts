// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'

/**
 * SHA-256 of the public key (DER, SubjectPublicKeyInfo) of the certificate that the client of this connection has shown and has the private key of;
 * undefined where it has shown none that the authority of FLEET_TLS_CLIENT_CA vouches for. A certificate that is renewed with its key counts as the same.
 */
export function clientKeyOf({ raw }: Pick<FastifyRequest, 'raw'>): Buffer | undefined {
  const { socket } = raw
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
  return key === undefined ? undefined : createHash('sha256').update(key).digest()
}
