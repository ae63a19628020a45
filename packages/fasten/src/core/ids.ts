// SPDX-License-Identifier: Apache-2.0

/** Randomness, handed in so that tests decide it. */
export interface IdSource {
  /** `bytes` random bytes as lower-case hex. */
  randomHex(bytes: number): string
  /** `count` random integers in 0..31, one Crockford character each. */
  randomBase32(count: number): Uint8Array
}

export const sentinelKinds = ['boot', 'sched', 'bg', 'lib', 'orphan', 'scheduler'] as const
/** Prefixes of request ids that stand for work outside any request; minted by us only. */
export type SentinelKind = (typeof sentinelKinds)[number]

const allowed = /^[A-Za-z0-9._:-]{1,128}$/
const sentinel = /^(boot|sched|bg|lib|orphan|scheduler)-/
const rowId = /^evt-(?:[0-7][0-9A-HJKMNP-TV-Z]{25}|[0-9a-f]{20})$/

/** True for what may stand in `request_id`: 1 to 128 of `A-Z a-z 0-9 . _ : -`. */
export const isRequestId = (text: string): boolean => allowed.test(text)

/** True for a row id of ours (`evt-` + ULID) or of the published SDKs (`evt-` + 20 hex). */
export const isRowId = (text: string): boolean => rowId.test(text)

/** The kind of work an id stands for. */
export function requestIdKind(id: string): SentinelKind | 'request' {
  return (sentinel.exec(id)?.[1] as SentinelKind | undefined) ?? 'request'
}

export interface AcceptedRequestId {
  /** The caller's id, or undefined when a new one must be minted. */
  readonly request_id: string | undefined
  /** What the caller sent when it could not be used: escaped to printable ASCII, cut to 128 characters. */
  readonly inbound_request_id?: string
}

/**
 * Judges an id from the wire. Used as it is when its alphabet and length allow and it does not pose as a sentinel;
 * otherwise the caller mints one and keeps the original as evidence. Source: spec/row.md#request-ids.
 */
export function acceptRequestId(inbound: string | undefined): AcceptedRequestId {
  if (inbound === undefined || inbound === '') return { request_id: undefined }
  if (allowed.test(inbound) && !sentinel.test(inbound)) return { request_id: inbound }
  return { request_id: undefined, inbound_request_id: printable(inbound) }
}

function printable(text: string): string {
  const cut = text.slice(0, 128).toWellFormed()
  return cut
    .replace(/[^\x20-\x7e]/g, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`)
    .slice(0, 128)
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
export const crockfordAlphabet: string = crockford

/**
 * A mint of row ids: `evt-` + ULID (48 bits of milliseconds, 80 random bits). Ids of one mint ascend even within a
 * millisecond and when the clock steps back: the random part is then incremented (ULID specification, monotonicity).
 */
export function createRowIdMint(ids: IdSource): (micros: number) => string {
  let lastMs = -1
  let head = ''
  let tail = new Uint8Array(16)
  return (micros) => {
    const ms = Math.floor(micros / 1000)
    if (ms > lastMs) {
      lastMs = ms
      tail = new Uint8Array(ids.randomBase32(16))
      // Leaves room to count upwards for longer than any millisecond lasts.
      tail[0] = (tail[0] ?? 0) & 15
      head = headOf(ms, tail)
    } else if (increment(tail)) head = headOf(lastMs, tail)
    return `${head}${pairs[((tail[12] ?? 0) << 5) | (tail[13] ?? 0)]}${pairs[((tail[14] ?? 0) << 5) | (tail[15] ?? 0)]}`
  }
}

/** Two characters for ten bits: the last four of an id change with each row, the others once a millisecond. */
const pairs = Array.from({ length: 1024 }, (_, bits) => `${crockford[bits >> 5]}${crockford[bits & 31]}`)

function headOf(ms: number, tail: Uint8Array): string {
  let text = `evt-${encodeTime(ms)}`
  for (const digit of tail.subarray(0, 12)) text += crockford[digit]
  return text
}

function encodeTime(ms: number): string {
  let text = ''
  for (let rest = ms, place = 0; place < 10; place++) {
    text = `${crockford[rest % 32]}${text}`
    rest = Math.floor(rest / 32)
  }
  return text
}

/** Adds one. True when more than the last four digits changed. */
function increment(digits: Uint8Array): boolean {
  for (let place = digits.length - 1; place >= 0; place--) {
    const digit = (digits[place] ?? 0) + 1
    digits[place] = digit & 31
    if (digit < 32) return place < 12
  }
  return true
}
