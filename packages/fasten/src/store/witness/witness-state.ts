// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import { readJson } from '../../core/read-json.ts'
import { witness, type WitnessAnswer, type WitnessOptions, type WitnessState } from '../../core/witness.ts'
import { syncDirectory } from '../spool/layout.ts'

/**
 * A witness that remembers in one file. Answers are given one after another, and each only after what it cosigned is on the disk: a witness that
 * forgets, or answers twice from one state, proves nothing.
 *
 * Throws FastenError `WITNESS_STATE` when the file cannot be read or written, or does not hold what a witness remembers; nothing was
 * answered then. One process may use a file at a time.
 */
export function openWitness(
  path: string,
  options: () => WitnessOptions,
): { answer(request: string | Uint8Array): WitnessAnswer } {
  let state = readState(path)
  return {
    answer(request) {
      const next = witness(state, request, options())
      if (next.state !== state) keepState(path, next.state)
      state = next.state
      return next.answer
    },
  }
}

function readState(path: string): WitnessState {
  try {
    const value: unknown = readJson(readFileSync(path, 'utf8'))
    const isState =
      typeof value === 'object' &&
      value !== null &&
      Object.values(value).every((note) => typeof note === 'string')
    if (isState) return value as WitnessState
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return {}
    throw stateFault(path, `it cannot be read: ${systemCode(cause) ?? String(cause)}`, cause)
  }
  throw stateFault(path, 'it does not hold what a witness remembers')
}

function keepState(path: string, state: WitnessState): void {
  const folder = dirname(resolve(path))
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const handle = openSync(`${path}.new`, 'w', 0o600)
    try {
      writeFileSync(handle, `${JSON.stringify(state, null, 2)}\n`)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(`${path}.new`, path)
    syncDirectory(folder)
  } catch (cause) {
    throw stateFault(path, `it cannot be written: ${systemCode(cause) ?? String(cause)}`, cause)
  }
}

function stateFault(path: string, why: string, cause?: unknown): FastenError {
  return new FastenError('WITNESS_STATE', `the memory of a witness: ${why}`, {
    at: path,
    hint: 'restore it; a witness that begins with an empty memory would sign what contradicts its past',
    ...(cause === undefined ? {} : { cause }),
  })
}
