// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import { streams, type StreamName } from '../core/row.ts'
import { expandVariables, readEnvFile } from '../capture/env-file.ts'
import { localReader } from '../reader/local.ts'
import type { Reader } from '../reader/reader.ts'
import { openForReading } from '../store/open.ts'
import { createSystemClock, sha256 } from '../store/platform.ts'
import type { Store } from '../store/ports.ts'
import type { Target } from './target.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * The reader of a target. `note` hears what the answers will not show: a stream whose store does not exist yet. Throws
 * `FastenError` when there is nothing to read, or the target cannot be reached.
 */
export async function openReader(target: Target, env: Env, note: (text: string) => void): Promise<Reader> {
  switch (target.kind) {
    case 'url': {
      const { remoteReader } = await import('../reader/remote.ts')
      return remoteReader({ url: target.url, ...(target.token === undefined ? {} : { token: target.token }) })
    }
    case 'store': {
      const store = await openForReading(target.text)
      return readerOf({ audit: store, sys: store, api: store })
    }
    case 'environment':
      return readerOf(await openNamed(dsnTexts(env), note))
  }
}

/** Where the environment says each stream is; a stream without a DSN of its own is looked for beside the audit rows. */
export function dsnTexts(processEnv: Env): Readonly<Record<StreamName, string>> {
  const file = processEnv['FASTEN_ENV_FILE']
  const env = file === undefined || file === '' ? processEnv : { ...readEnvFile(file), ...processEnv }
  const text = (variable: string): string | undefined =>
    env[variable] === undefined || env[variable] === ''
      ? undefined
      : expandVariables(env[variable], env, variable)
  const audit = text('FASTEN_AUDIT_DSN') ?? 'sqlite:///./fasten.db'
  return {
    audit,
    sys: text('FASTEN_SYS_DSN') ?? text('FASTEN_SYSLOG_DSN') ?? audit,
    api: text('FASTEN_API_DSN') ?? audit,
  }
}

async function openNamed(
  texts: Readonly<Record<StreamName, string>>,
  note: (text: string) => void,
): Promise<Readonly<Record<StreamName, Store>>> {
  const audit = await openForReading(texts.audit, { at: 'FASTEN_AUDIT_DSN' })
  const byText = new Map([[texts.audit, audit]])
  const stores = { audit, sys: audit, api: audit }
  try {
    for (const stream of ['sys', 'api'] as const) {
      stores[stream] = byText.get(texts[stream]) ?? (await openOptional(stream, texts[stream], audit, note))
      byText.set(texts[stream], stores[stream])
    }
    return stores
  } catch (error) {
    for (const store of byText.values()) await store.close()
    throw error
  }
}

/** The store of a stream that may have no rows yet; the audit rows can be read all the same. */
async function openOptional(
  stream: 'sys' | 'api',
  text: string,
  otherwise: Store,
  note: (text: string) => void,
): Promise<Store> {
  try {
    return await openForReading(text, { at: `FASTEN_${stream.toUpperCase()}_DSN` })
  } catch (error) {
    if (!(error instanceof FastenError) || (error.code !== 'STORE_MISSING' && error.code !== 'STORE_EMPTY'))
      throw error
    note(`no ${stream} rows yet: ${error.message}`)
    return otherwise
  }
}

function readerOf(stores: Readonly<Record<StreamName, Store>>): Reader {
  const opened = new Set(streams.map((stream) => stores[stream]))
  return localReader({
    sources: { streams: stores },
    digest: sha256,
    clock: createSystemClock(),
    release: async () => {
      for (const store of opened) await store.close()
    },
  })
}
