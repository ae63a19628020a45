// SPDX-License-Identifier: Apache-2.0
import type { ReaderRow } from 'fasten/reader/remote'

/** Kinds of what the fleet tells of itself: the categories of its codes. */
export const trailKinds = {
  access: 'Logins and rights',
  reading: 'Reading',
  configuration: 'Settings',
  retention: 'Retention',
  integrity: 'Evidence',
  operation: 'Running',
} as const
export type TrailKind = keyof typeof trailKinds

export interface TrailView {
  readonly since: string
  readonly until: string | null
  /** As rows spell it: `user:ada`. */
  readonly who: string
  /** Null leaves out what machines do by themselves all day long; `all` leaves out nothing. */
  readonly kind: TrailKind | 'all' | null
  /** The row that is open. */
  readonly selected: string | null
}

export function readTrailView(search: string): TrailView {
  const given = new URLSearchParams(search)
  const kind = given.get('kind')
  return {
    since: given.get('since') ?? '-7d',
    until: given.get('until'),
    who: given.get('who') ?? '',
    kind:
      kind !== null && (kind === 'all' || Object.hasOwn(trailKinds, kind))
        ? (kind as TrailView['kind'])
        : null,
    selected: given.get('row'),
  }
}

export function writeTrailView({ since, until, who, kind, selected }: TrailView): string {
  const search = new URLSearchParams()
  if (since !== '-7d') search.set('since', since)
  if (until !== null) search.set('until', until)
  if (who !== '') search.set('who', who)
  if (kind !== null) search.set('kind', kind)
  if (selected !== null) search.set('row', selected)
  return search.size === 0 ? '' : `?${search}`
}

/** What each node does some times a minute, and no person ever: one among a hundred lines would be somebody's. */
const handedIn = 'CHECKPOINT_ACCEPTED'

/** The parameters that ask a reader for it. */
export function trailSearch({ since, until, who, kind }: TrailView): URLSearchParams {
  const search = new URLSearchParams({ domain: 'fleet', since, limit: '200', total: 'none' })
  if (until !== null) search.set('until', until)
  if (who !== '') search.set('actor', who)
  if (kind === null) search.set('not', `code:${handedIn}`)
  else if (kind !== 'all') search.set('category', kind)
  return search
}

export interface TrailLine {
  /** The newest of its rows. */
  readonly row: ReaderRow & { readonly stream: 'audit' }
  /** As rows spell it, to ask for it: `user:ada`. Null where the line is of several. */
  readonly who: string | null
  /** As people call it: `ada`, a key by its name, a node by the name that it gave itself. */
  readonly name: string
  /** What was done, in words: `read rows`, `granted admin to`. */
  readonly did: string
  /** To what, where the words do not say it. */
  readonly to: string
  /** Rows that say the same one after another, this one among them; the others newest first. */
  readonly others: readonly ReaderRow[]
}

/** What keys are called, by their id. */
export type KeyNames = ReadonlyMap<string, string>

/**
 * Lines of the trail: a person who looks at a page asks many questions in a row, so what one person did of one kind, one after another, is one
 * line; and so is what nodes handed in, one after another, whichever they are. Every change has a line of its own.
 */
export function trailLines(rows: readonly ReaderRow[], keys: KeyNames): readonly TrailLine[] {
  const lines: TrailLine[] = []
  for (const row of rows) {
    if (row.stream !== 'audit') continue
    const line = lineOf(row, keys)
    const last = lines.at(-1)
    if (last !== undefined && isOneLine(last, line))
      lines[lines.length - 1] = { ...last, others: [...last.others, row] }
    else lines.push(line)
  }
  return lines.map((line) => (isHandIn(line.row) && line.others.length > 0 ? handInLine(line) : line))
}

function isOneLine(last: TrailLine, line: TrailLine): boolean {
  if (isHandIn(last.row) && isHandIn(line.row)) return true
  return isReading(last.row) && isReading(line.row) && last.who === line.who && last.did === line.did
}

/** What several rows of one sort tell together: which nodes, and how often. */
function handInLine({ row, did, others }: TrailLine): TrailLine {
  const all = [row, ...others].filter((each) => each.stream === 'audit')
  const nodes = new Set(all.map(nodeOf))
  const actors = new Set(all.map(({ actor }) => actor))
  return {
    row,
    who: actors.size === 1 ? (row.actor ?? null) : null,
    name: nodes.size === 1 ? nodeOf(row) : `${nodes.size} nodes`,
    did,
    to: `${all.length.toLocaleString('en')} times`,
    others,
  }
}

/** A log is named `<tenant>/<service>/<node>/<stream>` (spec/row.md). */
const nodeOf = ({ target = '' }: { readonly target?: string }): string => target.split('/')[2] ?? target

const isHandIn = ({ code }: { readonly code: string }): boolean => code === handedIn

const isReading = (row: { readonly code: string; readonly outcome: string }): boolean =>
  (row.code === 'ROWS_READ' || row.code === 'METRICS_READ') && row.outcome === 'success'

function lineOf(row: ReaderRow & { readonly stream: 'audit' }, keys: KeyNames): TrailLine {
  const who = row.actor ?? 'sealed'
  const name = isHandIn(row) ? nodeOf(row) : nameOf(who, keys)
  return { row, who, name, ...wordsOf(row), others: [] }
}

function nameOf(who: string, keys: KeyNames): string {
  if (who.startsWith('user:')) return who.slice('user:'.length)
  if (!who.startsWith('api_key:')) return who
  const id = who.slice('api_key:'.length)
  const name = keys.get(id)
  return name === undefined ? `key ${id}` : `key ${name}`
}

/** What a code says was done. What an operation, a role or a change is called comes from the detail, where it is text. */
const said: Readonly<Record<string, string>> = {
  FLEET_STARTED: 'started the server',
  FLEET_STOPPED: 'stopped the server',
  CHECKPOINT_ACCEPTED: 'handed in signed rows',
  INGEST_REFUSED: 'refused rows of',
  FORK_DETECTED: 'found a fork in',
  ALARM_RAISED: 'raised an alarm on',
  ALARM_CLEARED: 'cleared the alarm on',
  ALARM_ACKNOWLEDGED: 'took note of the alarm on',
  ENROLMENT_TOKEN_CREATED: 'made a token for nodes',
  ENROLMENT_TOKEN_REVOKED: 'withdrew a token for nodes',
  NODE_ENROLLED: 'enrolled the node',
  NODE_KEY_ADDED: 'added a key of the node',
  NODE_KEY_RETIRED: 'retired a key of the node',
  NODE_CREDENTIAL_ROTATED: 'renewed the credential of',
  NODE_REVOKED: 'revoked the node',
  LOGIN_SUCCEEDED: 'logged in',
  LOGIN_FAILED: 'failed to log in as',
  SESSION_ENDED: 'ended a session of',
  PASSWORD_CHANGED: 'changed the password of',
  USER_CREATED: 'made the user',
  USER_CHANGED: 'changed the user',
  ROLE_GRANTED: 'granted a role to',
  ROLE_REVOKED: 'withdrew a role from',
  API_KEY_CREATED: 'made the key',
  API_KEY_REVOKED: 'revoked the key',
  ACCESS_DENIED: 'was refused',
  ACCESS_SEALED: 'sealed who may do what',
  ACCESS_ROW_ALTERED: 'found written past the fleet',
  ROWS_READ: 'read',
  ROWS_EXPORTED: 'exported rows',
  METRICS_READ: 'read numbers',
  SQL_RUN: 'asked in SQL',
  SOURCE_ADDED: 'added the source',
  SOURCE_CHANGED: 'changed the source',
  CONFIG_CHANGED: 'changed the setting',
  REPLICA_SWEPT: 'let go of rows of',
  ROWS_HELD: 'placed a hold on rows',
  ROWS_RELEASED: 'released the hold',
  BACKUP_MADE: 'made a backup',
  BACKUP_RESTORED: 'restored a backup',
}

/** What the operations of a reader are called by people. */
const operations: Readonly<Record<string, string>> = {
  listAudit: 'audit rows',
  listSys: 'log lines',
  listApi: 'accesses',
  rowById: 'one row',
  rowByPlace: 'one row by its place',
  thread: 'a request',
  correlate: 'a request',
  trace: 'a request on one line of time',
  timeline: 'everything about somebody or something',
  search: 'rows that hold words',
  tail: 'rows as they came',
  topology: 'which services there are',
  listLogs: 'which logs there are',
  tenants: 'which tenants there are',
  verify: 'a verdict',
  doctor: 'a verdict',
  tile: 'proofs',
  proof: 'a proof',
  checkpoint: 'signatures',
  entries: 'rows with their proofs',
}

function wordsOf(row: ReaderRow & { readonly stream: 'audit' }): {
  readonly did: string
  readonly to: string
} {
  const { code, target = '', detail } = row
  const text = (name: string): string => {
    const value = detail[name]
    return typeof value === 'string' ? value : ''
  }
  const did = said[code] ?? code.toLowerCase().replaceAll('_', ' ')
  switch (code) {
    case 'ROWS_READ':
      return { did: `${did} ${operations[target] ?? target}`, to: '' }
    case 'METRICS_READ':
      return { did, to: target === 'red' ? 'of requests' : `of ${target}` }
    case 'LOGIN_SUCCEEDED':
    case 'FLEET_STARTED':
    case 'FLEET_STOPPED':
      return { did, to: '' }
    case 'SESSION_ENDED':
      return { did, to: text('user') || target }
    case 'ROLE_GRANTED':
      return { did: `granted ${text('role') || 'a role'} to`, to: target }
    case 'ROLE_REVOKED':
      return { did: `withdrew ${text('role') || 'a role'} from`, to: target }
    case 'API_KEY_CREATED':
    case 'API_KEY_REVOKED':
      return { did, to: [text('name'), target].filter((each) => each !== '').join(' ') }
    default:
      return { did, to: target }
  }
}
