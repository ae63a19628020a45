// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expandVariables, readEnvFile } from '../capture/env-file.ts'
import { FastenError } from '../core/error.ts'
import { parseLogName } from '../core/log-name.ts'
import { streams, type StreamName } from '../core/row.ts'
import { parseDsn, type Dsn } from '../store/dsn.ts'
import { dsnOf } from '../store/open.ts'
import type { Target } from './target.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** One store of this machine, as a target or the environment names it. */
export interface Place {
  /** Streams that are read from here. */
  readonly streams: readonly StreamName[]
  /** What was typed or set; may hold a password. */
  readonly text: string
  /** Which option or variable said so. */
  readonly at: string
  readonly dsn: Dsn
  /** The database file, absolute; null for a server or a store in memory. */
  readonly path: string | null
}

/** The environment with the variables of `FASTEN_ENV_FILE` below it. */
export function fullEnv(env: Env): Env {
  const file = env['FASTEN_ENV_FILE']
  return file === undefined || file === '' ? env : { ...readEnvFile(file), ...env }
}

/**
 * The stores a target means: the one it names for all streams, or those of the environment, a stream without a DSN of its own
 * beside the audit rows. Throws `DSN_…` and `CONFIG_INVALID`, and `BAD_TARGET` for a URL, which is no store of this machine.
 */
export function placesOf(target: Target, processEnv: Env): readonly Place[] {
  const env = fullEnv(processEnv)
  const place = (of: readonly StreamName[], text: string, at: string, dsn: Dsn): Place => ({
    streams: of,
    text,
    at,
    dsn,
    path: dsn.kind === 'sqlite' && !dsn.isMemory ? resolve(dsn.path) : null,
  })
  if (target.kind === 'url') {
    throw new FastenError(
      'BAD_TARGET',
      `${target.url} is another machine's reader, not a store of this one`,
      {
        hint: 'run this where the rows are written, with --store or FASTEN_AUDIT_DSN',
      },
    )
  }
  if (target.kind === 'store') return [place(streams, target.text, '--store', dsnOf(target.text, '--store'))]
  const byText = new Map<string, { at: string; of: StreamName[] }>()
  const audit = named(env, ['FASTEN_AUDIT_DSN']) ?? { text: 'sqlite:///./fasten.db', at: 'FASTEN_AUDIT_DSN' }
  for (const stream of streams) {
    const { text, at } = named(env, variables[stream]) ?? audit
    const known = byText.get(text)
    if (known === undefined) byText.set(text, { at, of: [stream] })
    else known.of.push(stream)
  }
  return Array.from(byText, ([text, { at, of }]) => place(of, text, at, parseDsn(text, { at })))
}

/** The place that keeps a log, by its stream. Throws as `placesOf`, and `BAD_TARGET` when none does. */
export function placeOfLog(log: string, target: Target, env: Env): Place {
  const stream = parseLogName(log)?.stream
  const place = placesOf(target, env).find(({ streams: kept }) => kept.some((each) => each === stream))
  if (place !== undefined) return place
  throw new FastenError('BAD_TARGET', `${JSON.stringify(log)} is not the name of a log that is kept here`, {
    hint: 'name one as fasten key show does, e.g. _/shop/edge-07/audit',
  })
}

/** True when the file of the place is there and not empty. A store that is no file counts as there. */
export function isThere(place: Place): boolean {
  return place.path === null || (statSync(place.path, { throwIfNoEntry: false })?.size ?? 0) > 0
}

/** The place as a DSN: what was typed may be a bare path. */
export function dsnText({ path, text }: Place): string {
  if (path === null || /^sqlite:/i.test(text)) return text
  return `sqlite:///${pathToFileURL(path).pathname}`
}

const variables: Readonly<Record<StreamName, readonly string[]>> = {
  audit: ['FASTEN_AUDIT_DSN'],
  sys: ['FASTEN_SYS_DSN', 'FASTEN_SYSLOG_DSN'],
  api: ['FASTEN_API_DSN'],
}

function named(
  env: Env,
  names: readonly string[],
): { readonly text: string; readonly at: string } | undefined {
  for (const at of names) {
    const value = env[at]
    if (value !== undefined && value !== '') return { text: expandVariables(value, env, at), at }
  }
  return undefined
}
