// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { FastenError } from 'fasten'
import type { TlsConfig } from '../config/nodes-config.ts'
import type { TlsOptions } from '../web/app.ts'

/** What the listener needs, out of the files. Throws FastenError `CONFIG_INVALID` for one that cannot be read or does not go with the others. */
export function tlsFiles({ certFile, keyFile, clientCaFile }: TlsConfig): TlsOptions {
  const options = {
    cert: read('FLEET_TLS_CERT', certFile),
    key: read('FLEET_TLS_KEY', keyFile),
    ...(clientCaFile === undefined ? {} : { clientCa: read('FLEET_TLS_CLIENT_CA', clientCaFile) }),
  }
  try {
    createSecureContext({ cert: options.cert, key: options.key, ca: options.clientCa })
  } catch (cause) {
    throw new FastenError('CONFIG_INVALID', `these files make no TLS listener: ${(cause as Error).message}`, {
      at: `${certFile}, ${keyFile}`,
      hint: 'a certificate with its chain, and its private key, in PEM',
      cause,
    })
  }
  return options
}

function read(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new FastenError('CONFIG_INVALID', `${variable}: ${(cause as Error).message}`, { at: path, cause })
  }
}
