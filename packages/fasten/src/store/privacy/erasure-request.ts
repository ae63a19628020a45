// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import { readJson } from '../../core/read-json.ts'
import { syncDirectory } from '../spool/layout.ts'

/** One person's wish to erase another, which a third has to confirm. It names the person by pseudonym only. */
export interface ErasureRequest {
  /** 12 hex. */
  readonly request_id: string
  readonly tenant: string
  /** Pseudonym under the newest key. */
  readonly subject: string
  readonly basis: string
  readonly requested_by: string
  readonly requested_at: string
}

/** Requests lie beside the ledger, one file each, until they are carried out. */
const fileOf = (ledger: string, id: string): string => join(dirname(ledger), 'erasure-requests', `${id}.json`)

/** Durable when it returns. Throws FastenError `ERASURE_LEDGER`. */
export function keepRequest(ledger: string, request: ErasureRequest): void {
  const path = fileOf(ledger, request.request_id)
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const handle = openSync(path, 'wx', 0o600)
    try {
      writeFileSync(handle, `${JSON.stringify(request, null, 2)}\n`)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    syncDirectory(dirname(path))
  } catch (cause) {
    throw new FastenError(
      'ERASURE_LEDGER',
      `the request cannot be kept: ${systemCode(cause) ?? String(cause)}`,
      {
        at: path,
        hint: 'give this user access to the folder of the ledger',
        cause,
      },
    )
  }
}

/** Undefined when there is no such request. */
export function readRequest(ledger: string, id: string): ErasureRequest | undefined {
  if (!/^[0-9a-f]{12}$/.test(id)) return undefined
  try {
    return readJson(readFileSync(fileOf(ledger, id), 'utf8')) as ErasureRequest
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** All that wait, oldest first. What is no request is passed over. */
export function listRequests(ledger: string): readonly ErasureRequest[] {
  const folder = dirname(fileOf(ledger, ''))
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
  return names
    .flatMap((name) => readRequest(ledger, basename(name, '.json')) ?? [])
    .sort((one, other) => (one.requested_at < other.requested_at ? -1 : 1))
}

/** After it was carried out. */
export function dropRequest(ledger: string, id: string): void {
  rmSync(fileOf(ledger, id), { force: true })
}
