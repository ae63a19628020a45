// SPDX-License-Identifier: Apache-2.0
import { createKeyJudge, type DigitRule, type KeyClass } from './redact-keys.ts'
import { assertLinearPattern } from './redact-pattern-safety.ts'
import { createTextRedactor, type ExtraPattern } from './redact-patterns.ts'
import { createShapes } from './redact-shapes.ts'
import { createWalk } from './redact-walk.ts'
import { takePersonal, type PersonalMembers, type PersonalValue } from './personal.ts'
import type { ApiDraft, AuditDraft, Clean, JsonObject, JsonValue, Source, SysDraft } from './row.ts'

export type { ExtraPattern }

export interface RedactorOptions {
  /** More names to redact: literal, without regard to case. Up to four characters: a whole word of the name; longer: anywhere in it. */
  readonly extraKeys?: readonly string[]
  /** Whole names that are never redacted by name and whose digits are never taken for a card; shapes of tokens still are. */
  readonly allowKeys?: readonly string[]
  /** What stands for a secret value. Default `***`. Shapes of secrets keep their own marks (`***JWT***`). */
  readonly replacement?: string
  readonly extraPatterns?: readonly ExtraPattern[]
  /**
   * Bytes that the JSON text of `detail` or `fields` may have. Default and greatest value 49,152: with every other member
   * at its own limit a leaf then stays within 65,535 bytes. A larger object is replaced by a summary of itself.
   */
  readonly detailBytesMax?: number
  /** False lets secrets through unchanged. Declared personal data, safe forms, key order and limits do not depend on it. Default true. */
  readonly isActive?: boolean
}

/** What a code's registration says about personal data; `CodeMeta` fits. */
export type DetailPrivacy = PersonalMembers

/** A draft as `emit` builds it: complete, but with whatever the caller handed in as detail. */
export type UncleanAudit = Omit<AuditDraft, 'actor' | 'detail' | 'pii_in_detail' | 'sd' | 'target'> & {
  readonly actor: string
  readonly target: string
  readonly detail?: unknown
}
export type UncleanSys = Omit<SysDraft, 'fields'> & { readonly fields?: unknown }
export type UncleanApi = ApiDraft

export interface Redactor {
  readonly isActive: boolean
  /** Members that `privacy` declares personal are masked in `detail`; anchors are not. */
  audit(draft: UncleanAudit, privacy?: DetailPrivacy): Clean<AuditDraft>
  /**
   * The same for whoever can keep personal values elsewhere: they are not in the answer at all. `commit` is handed each of them,
   * redacted, in the order of their pointers, and answers what the row's `sd` says of it.
   */
  sealed(
    draft: UncleanAudit,
    privacy: DetailPrivacy,
    commit: (value: PersonalValue) => string,
  ): Clean<AuditDraft>
  sys(draft: UncleanSys): Clean<SysDraft>
  api(draft: UncleanApi): Clean<ApiDraft>
  /** One value as it would stand in `detail`; null for undefined. */
  value(value: unknown): JsonValue
  /** One sentence with what is secret replaced in place. */
  text(text: string): string
}

/** The greatest `detailBytesMax`, and its default. */
export const detailBytesLimit = 49_152

/**
 * The only maker of `Clean` drafts. One walk over what the caller handed in copies it, replaces secrets, turns what JSON
 * cannot say into safe forms (safe-value.ts) and inserts keys in UTF-16 code-unit order.
 *
 * What it answers: fresh plain objects and arrays, nothing of the caller's; strings well-formed; numbers finite. Native
 * `JSON.stringify` of it is RFC 8785 text, except that a JavaScript object puts integer-like keys first (core/leaf.ts).
 * Takes time linear in what is kept. No method throws, whatever it is given: an object that is too large or cannot be
 * read is replaced as a whole (`_truncated`, `_redact_failed`). Redacting an answer again changes nothing.
 *
 * Throws TypeError for an option of the wrong type and for an added pattern that may take exponential time.
 * Source: spec/redaction.md.
 */
export function createRedactor(options: RedactorOptions = {}): Redactor {
  const { extraKeys, allowKeys, replacement, extraPatterns, detailBytesMax, isActive } = checked(options)
  const judge = createKeyJudge({ extraKeys, allowKeys })
  const texts = createTextRedactor({ replacement, extraPatterns, verdictOf: (name) => judge(name).verdict })
  const textOf = isActive ? texts.value : wellFormed
  const proseOf = isActive ? texts.prose : wellFormed
  const shapes = createShapes(isActive ? judge : () => plainKey, (key) => textOf(key, 'identifier'))
  const walk = createWalk({ shapes, textOf, proseOf, replacement, bytesMax: detailBytesMax })

  return {
    isActive,
    audit(draft, privacy) {
      const clean = anchored(draft)
      if (privacy?.pii_in_detail === true) {
        clean.pii_in_detail = true
        clean.detail = minimised(draft.detail, privacy.detail_passthrough_keys)
      } else {
        const detail = objectOf(draft.detail, false)
        clean.detail = privacy?.pii === undefined ? detail : masked(detail, privacy.pii)
      }
      return clean as Clean<AuditDraft>
    },
    sealed(draft, privacy, commit) {
      const clean = anchored(draft)
      if (privacy.pii_in_detail === true) clean.pii_in_detail = true
      clean.detail = objectOf(draft.detail, false)
      const sd: Record<string, string> = {}
      for (const value of takePersonal(clean, privacy, detailBytesMax)) sd[value.pointer] = commit(value)
      if (Object.keys(sd).length > 0) clean.sd = sd
      return clean as Clean<AuditDraft>
    },
    sys(draft) {
      const clean: Writable<SysDraft> = { ...draft, fields: nothing }
      clean.event = anchor(draft.event, 'text', eventBytesMax)
      if (draft.logger !== undefined) clean.logger = anchor(draft.logger, 'text')
      if (draft.inbound_request_id !== undefined)
        clean.inbound_request_id = anchor(draft.inbound_request_id, 'identifier')
      clean.fields = objectOf(draft.fields, true)
      return clean as Clean<SysDraft>
    },
    api(draft) {
      const clean: Writable<ApiDraft> = { ...draft }
      clean.method = anchor(draft.method, 'text')
      clean.path = anchor(draft.path, 'identifier', pathBytesMax)
      if (draft.route !== undefined) clean.route = anchor(draft.route, 'identifier', pathBytesMax)
      if (draft.actor !== undefined) clean.actor = anchor(draft.actor, 'identifier')
      if (draft.error !== undefined) clean.error = anchor(draft.error, 'text')
      if (draft.source !== undefined) clean.source = source(draft.source)
      if (draft.inbound_request_id !== undefined)
        clean.inbound_request_id = anchor(draft.inbound_request_id, 'identifier')
      return clean as Clean<ApiDraft>
    },
    value: (value) => walked(value, false) ?? null,
    text: (text) => proseOf(text, 'text'),
  }

  /** The draft with clean anchors; its detail is still to come. */
  function anchored(draft: UncleanAudit): Writable<AuditDraft> {
    const clean: Writable<AuditDraft> = { ...draft, detail: nothing }
    clean.actor = anchor(draft.actor, 'identifier')
    clean.target = anchor(draft.target, 'identifier')
    if (draft.on_behalf_of !== undefined) clean.on_behalf_of = anchor(draft.on_behalf_of, 'identifier')
    if (draft.auth_method !== undefined) clean.auth_method = anchor(draft.auth_method, 'text')
    if (draft.session_id !== undefined) clean.session_id = anchor(draft.session_id, 'identifier')
    if (draft.target_kind !== undefined) clean.target_kind = anchor(draft.target_kind, 'text')
    if (draft.reason !== undefined) clean.reason = anchor(draft.reason, 'text')
    if (draft.change_ref !== undefined) clean.change_ref = anchor(draft.change_ref, 'identifier')
    if (draft.request_ref !== undefined) clean.request_ref = anchor(draft.request_ref, 'identifier')
    if (draft.call_ref !== undefined) clean.call_ref = anchor(draft.call_ref, 'identifier')
    if (draft.inbound_request_id !== undefined)
      clean.inbound_request_id = anchor(draft.inbound_request_id, 'identifier')
    if (draft.source !== undefined) clean.source = source(draft.source)
    return clean
  }

  /** A top-level text: secrets go in place, what is beyond the limit is cut and marked with an ellipsis. */
  function anchor(text: string, digits: DigitRule, bytesMax: number = anchorBytesMax): string {
    // A caller without types may hand in anything; the row's member is a string all the same.
    if (typeof text !== 'string') return anchor(plainText(text), digits, bytesMax)
    const isHuge = text.length > anchorCharsSearched
    const clean = proseOf(isHuge ? text.slice(0, anchorCharsSearched) : text, digits)
    // A huge text was searched only so far; the cut may have halved a secret, so its last word goes as well.
    return cut(isHuge ? clean.replace(/\S{1,1024}$/, '') : clean, bytesMax)
  }

  function plainText(value: unknown): string {
    const safe = walked(value, false)
    return typeof safe === 'string' ? safe : (JSON.stringify(safe) ?? '')
  }

  function source(given: Source): Source {
    const clean: Writable<Source> = {}
    if (typeof given !== 'object' || given === null) return clean
    if (given.device !== undefined) clean.device = anchor(given.device, 'identifier')
    if (given.ip !== undefined) clean.ip = anchor(given.ip, 'never')
    if (given.user_agent !== undefined) clean.user_agent = anchor(given.user_agent, 'text')
    return clean
  }

  /** The walked value as an object: nothing becomes `{}`, anything that is not an object stands under `value`. */
  function objectOf(given: unknown, isStackKept: boolean): JsonObject {
    if (given === undefined || given === null) return {}
    const result = walked(given, isStackKept)
    if (typeof result === 'object' && result !== null && !Array.isArray(result)) return result as JsonObject
    return { value: result ?? null }
  }

  function walked(value: unknown, isStackKept: boolean): JsonValue | undefined {
    try {
      const { value: result, isOver, bytesAtLeast, bytesAtMost } = walk(value, isStackKept)
      if (isOver) return truncated(value, bytesAtLeast)
      if (bytesAtMost <= detailBytesMax) return result
      const bytes = jsonBytes(result)
      return bytes > detailBytesMax ? truncated(value, bytes) : result
    } catch {
      // The stack was exhausted before this walk began; the row is kept without its detail.
      return { _redact_failed: true, _summary: '<unredactable>' }
    }
  }

  function truncated(value: unknown, bytes: number): JsonObject {
    return {
      _max_detail_bytes: detailBytesMax,
      _summary: summaryOf(value, (name) => textOf(name, 'identifier')),
      _truncated: true,
      _truncated_bytes: bytes,
    }
  }

  /**
   * Detail of a code that declares personal data, where there is no key to seal it with: nothing but the members it declared
   * harmless. What was left out is not stored anywhere.
   */
  function minimised(given: unknown, passthrough: readonly string[] = []): JsonObject {
    const kept: Record<string, unknown> = Object.create(null)
    if (typeof given === 'object' && given !== null) {
      for (const name of passthrough) if (hasOwn(given, name)) kept[name] = memberOf(given, name)
    }
    kept['_pii_in_detail'] = true
    kept['_redacted'] = personalMark
    return objectOf(kept, false)
  }
}

/** Stands for a personal value, whatever the replacement for secrets is. */
const personalMark = '***'
const nothing: JsonObject = Object.freeze({})
const plainKey: KeyClass = { verdict: 'plain', digits: 'never' }
const wellFormed = (text: string): string => text.toWellFormed()

// With these, 49,152 bytes of detail and the longest envelope a leaf has at most 65,535 bytes (a test adds them up).
const anchorBytesMax = 768
const pathBytesMax = 4_096
const eventBytesMax = 8_192
const anchorCharsSearched = 65_536

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** The text, or as much of it as fits into `bytesMax` bytes of JSON with an ellipsis behind it. */
function cut(text: string, bytesMax: number): string {
  if (text.length * 6 <= bytesMax || jsonBytes(text) <= bytesMax) return text
  let bytes = 2 + 3
  let kept = ''
  for (const character of text) {
    bytes += jsonBytes(character) - 2
    if (bytes > bytesMax) break
    kept += character
  }
  return `${kept}…`
}

/** UTF-8 bytes of the JSON text. */
function jsonBytes(value: JsonValue | undefined): number {
  const text = JSON.stringify(value) ?? ''
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    // Units of a surrogate pair count two bytes each: four for the pair.
    if (code > 127) bytes += code > 2047 && (code < 0xd800 || code > 0xdfff) ? 2 : 1
  }
  return bytes
}

/** What was there, without its values: `object with 3 members: items, note, user`. */
function summaryOf(value: unknown, nameOf: (name: string) => string): string {
  try {
    if (Array.isArray(value)) return `array with ${value.length} items`
    if (typeof value !== 'object' || value === null) return typeof value
    const names = Object.keys(value)
    const shown = names.slice(0, 16).map((name) => nameOf(name.slice(0, 64)))
    const rest = names.length > shown.length ? ', …' : ''
    return `object with ${names.length} members${shown.length > 0 ? `: ${shown.join(', ')}${rest}` : ''}`
  } catch {
    // A proxy's trap threw.
    return 'object'
  }
}

/** The same object with the members that `pointers` name replaced; arrays on the way are entered. */
function masked(detail: JsonObject, pointers: readonly string[]): JsonObject {
  for (const pointer of pointers) {
    if (pointer === 'detail') return { _pii_in_detail: true, _redacted: personalMark }
    if (pointer.startsWith('detail.')) maskAt(detail, pointer.slice(7).split('.'), 0)
  }
  return detail
}

function maskAt(value: JsonValue | undefined, path: readonly string[], index: number): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) maskAt(item, path, index)
    return
  }
  const name = path[index]
  if (name === undefined || !Object.hasOwn(value, name)) return
  // The walk made this object for us alone.
  const members = value as Record<string, JsonValue>
  if (index === path.length - 1) Object.defineProperty(members, name, { value: personalMark })
  else maskAt(members[name], path, index + 1)
}

function hasOwn(object: object, name: string): boolean {
  try {
    return Object.hasOwn(object, name)
  } catch {
    // A proxy's trap threw: then it has nothing that may pass.
    return false
  }
}

function memberOf(object: object, name: string): unknown {
  try {
    return (object as Record<string, unknown>)[name]
  } catch {
    return '[unreadable]'
  }
}

function checked(options: RedactorOptions): Required<RedactorOptions> {
  const {
    replacement = '***',
    isActive = true,
    extraPatterns = [],
    detailBytesMax = detailBytesLimit,
  } = options
  if (typeof replacement !== 'string' || replacement.length > 64) {
    throw new TypeError('redaction: replacement must be a string of at most 64 characters')
  }
  if (!Number.isSafeInteger(detailBytesMax) || detailBytesMax < 256) {
    throw new TypeError(
      `redaction: detailBytesMax must be a whole number of bytes from 256 on, not ${String(detailBytesMax)}`,
    )
  }
  for (const { name, pattern, replacement: mark } of extraPatterns) {
    if (!(pattern instanceof RegExp) || typeof name !== 'string' || typeof mark !== 'string') {
      throw new TypeError(
        'redaction: an extra pattern is {name: string, pattern: RegExp, replacement: string}',
      )
    }
    assertLinearPattern(name, pattern)
  }
  return {
    extraKeys: namesIn(options.extraKeys, 'extraKeys'),
    allowKeys: namesIn(options.allowKeys, 'allowKeys'),
    replacement: replacement.toWellFormed(),
    extraPatterns,
    detailBytesMax: Math.min(detailBytesMax, detailBytesLimit),
    isActive,
  }
}

function namesIn(given: readonly string[] | undefined, option: string): readonly string[] {
  if (given === undefined) return []
  if (!Array.isArray(given) || given.some((name) => typeof name !== 'string' || name === '')) {
    throw new TypeError(`redaction: ${option} must be an array of non-empty strings`)
  }
  return given
}
