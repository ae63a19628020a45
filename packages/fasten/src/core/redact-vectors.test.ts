// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { uncleanAudit } from './fixtures/unclean.ts'
import { createRedactor, type DetailPrivacy } from './redact.ts'
import type { JsonValue } from './row.ts'

const area = join(dirname(fileURLToPath(import.meta.url)), '../../../../spec/vectors/redact')

interface Case {
  readonly kind: 'value' | 'prose' | 'detail'
  readonly options?: {
    readonly extra_keys?: readonly string[]
    readonly allow_keys?: readonly string[]
    readonly replacement?: string
    readonly detail_bytes_max?: number
  }
  readonly checks: readonly {
    readonly input: unknown
    readonly expect?: unknown
    readonly expect_text?: string
    readonly privacy?: DetailPrivacy
  }[]
}

for (const folder of readdirSync(area, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
  const {
    kind,
    options = {},
    checks,
  } = JSON.parse(readFileSync(join(area, folder.name, 'case.json'), 'utf8')) as Case
  describe(`redact/${folder.name}`, () => {
    const redactor = createRedactor({
      ...(options.extra_keys && { extraKeys: options.extra_keys }),
      ...(options.allow_keys && { allowKeys: options.allow_keys }),
      ...(options.replacement !== undefined && { replacement: options.replacement }),
      ...(options.detail_bytes_max !== undefined && { detailBytesMax: options.detail_bytes_max }),
    })
    const redact = (given: unknown, privacy?: DetailPrivacy): JsonValue => {
      if (kind === 'prose') return redactor.text(given as string)
      return kind === 'value'
        ? redactor.value(given)
        : redactor.audit({ ...uncleanAudit, detail: given }, privacy).detail
    }
    for (const { input, expect, expect_text, privacy } of checks) {
      test(JSON.stringify(input).slice(0, 100), () => {
        const result = redact(said(input), privacy)
        if (expect_text !== undefined) assert.equal(JSON.stringify(result), expect_text)
        else assert.deepEqual(settled(result, expect), said(expect))
        assert.deepEqual(redact(result, privacy), result, 'once is enough')
      })
    }
  })
}

/** The value that a notation of spec/vectors/redact/README.md stands for. */
function said(notation: unknown): unknown {
  let root: unknown
  return (root = unfold(notation))

  function unfold(given: unknown): unknown {
    if (Array.isArray(given)) return given.map(unfold)
    if (typeof given !== 'object' || given === null) return given
    const [key = '', ...others] = Object.keys(given)
    if (key.startsWith('$') && notations[key]) {
      const [value, ...more] = Object.values(given) as unknown[]
      return notations[key](value, unfold, others.length > 0 ? more[0] : undefined)
    }
    const object: Record<string, unknown> = {}
    for (const [name, member] of Object.entries(given)) {
      if (isNotation(member, '$circular'))
        Object.defineProperty(object, name, { enumerable: true, get: () => root })
      else if (isNotation(member, '$throws'))
        Object.defineProperty(object, name, { enumerable: true, get: fail })
      else object[name] = unfold(member)
    }
    return object
  }
}

const isNotation = (given: unknown, key: string): boolean =>
  typeof given === 'object' && given !== null && Object.hasOwn(given, key)

function fail(): never {
  throw new TypeError('this member cannot be read')
}

type Notation = (value: unknown, unfold: (given: unknown) => unknown, bottom: unknown) => unknown

const notations: Readonly<Record<string, Notation>> = {
  $join: (parts) =>
    (parts as (string | { repeat: string; times: number })[])
      .map((part) => (typeof part === 'string' ? part : part.repeat.repeat(part.times)))
      .join(''),
  $bigint: (text) => BigInt(text as string),
  $number: (text) => Number(text),
  $date: (text) => new Date(text as string),
  $map: (entries, unfold) =>
    new Map((unfold(entries) as [unknown, unknown][]).map(([key, value]) => [key, value])),
  $set: (items, unfold) => new Set(unfold(items) as unknown[]),
  $bytes: (count) => new Uint8Array(count as number),
  $error: (members) => {
    const { name, message, code } = members as { name: string; message: string; code: string }
    return Object.assign(new Error(message), { name, code })
  },
  $function: () => () => undefined,
  $symbol: () => Symbol('symbol'),
  $undefined: () => undefined,
  $json: (value, unfold) => ({ toJSON: () => unfold(value) }),
  $surrogate: (parts) => {
    const [before, unit, after] = parts as [string, string, string]
    return `${before}${String.fromCharCode(Number.parseInt(unit, 16))}${after}`
  },
  $deep: (levels, _unfold, bottom = 'bottom') => {
    let value = bottom
    for (let level = 0; level < (levels as number); level++) value = { d: value }
    return value
  },
  $json_text: (text) => JSON.parse(text as string) as unknown,
}

/** The result with the notation `$above` in the place of a number that is above. */
function settled(result: unknown, expect: unknown): unknown {
  if (typeof expect !== 'object' || expect === null || typeof result !== 'object' || result === null)
    return result
  const entries = Object.entries(expect).filter(([, member]) => isNotation(member, '$above')) as [
    string,
    { $above: number },
  ][]
  const above = entries.filter(
    ([name, { $above }]) => Number((result as Record<string, unknown>)[name]) > $above,
  )
  return above.length === 0 ? result : { ...result, ...Object.fromEntries(above) }
}
