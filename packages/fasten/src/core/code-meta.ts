// SPDX-License-Identifier: Apache-2.0
import { detailSchemaProblems, isRecord, quoted, type DetailSchema } from './detail-schema.ts'
import { didYouMean } from './nearest-word.ts'
import { retentionClasses, severities, type RetentionClass, type Severity } from './row.ts'

/** What a code stands for: everything `emit` knows about an event before it happens. Source: spec/codes.schema.json. */
export interface CodeMeta {
  /** The vocabulary it belongs to, e.g. `billing`. Up to 128 characters. */
  readonly domain: string
  /** A group within the domain. Default: the domain. */
  readonly category: string
  /** What was done, for people and filters, e.g. `payment.refund`. Default: the code in lower case. */
  readonly action: string
  readonly severity: Severity
  readonly description: string
  /** The component that emits it. */
  readonly emitter: string
  readonly retention_class: RetentionClass
  /** Expected in such numbers that viewers may fold them. */
  readonly high_volume: boolean
  /** All of `detail` is personal: only `detail_passthrough_keys` are kept. */
  readonly pii_in_detail: boolean
  /** Personal members: `detail.email`, `actor`, … */
  readonly pii: readonly string[]
  /** For those of `pii` that say so, the member that names whom they are about: `detail.friend.id`. */
  readonly pii_subjects?: Readonly<Record<string, string>>
  /** The member that names whom personal members of the detail are about. Where it is left out: `target`. */
  readonly pii_subject?: string
  /** Nothing emits it at present, and that is known. */
  readonly declared_unused: boolean
  /** Members of a personal detail that are harmless and stay. */
  readonly detail_passthrough_keys: readonly string[]
  /** What `detail` holds; checked at emit and turned into types. */
  readonly detail?: DetailSchema
  /** `emit` returns only after fsync and throws when the row could not be kept: no record, no action. */
  readonly fail_closed: boolean
}

/** What `register` accepts: every member may be left out, and the published SDKs' camelCase spellings are understood. */
export interface CodeMetaInput extends Partial<Omit<CodeMeta, 'pii'>> {
  /** The code itself; only to be compared with its name. */
  readonly id?: string
  /** Names, or names with the member that says whom each is about: `{ 'detail.email': 'target', actor: 'actor' }`. */
  readonly pii?: readonly string[] | Readonly<Record<string, string>>
  readonly piiSubject?: string
  readonly retentionClass?: RetentionClass
  readonly highVolume?: boolean
  readonly piiInDetail?: boolean
  readonly declaredUnused?: boolean
  readonly detailPassthroughKeys?: readonly string[]
  readonly failClosed?: boolean
}

/** Why a registration is refused; the words of the published SDKs where they have one. */
export type CodeProblemKind =
  | 'INVALID_KEY'
  | 'INVALID_VALUE'
  | 'ID_MISMATCH'
  | 'DOMAIN_MISMATCH'
  | 'DUPLICATE_CODE'

export interface CodeProblem {
  readonly kind: CodeProblemKind
  /** From the code's entry on; empty for the code itself. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

const spellings: Readonly<Record<string, keyof CodeMeta>> = {
  retentionClass: 'retention_class',
  highVolume: 'high_volume',
  piiInDetail: 'pii_in_detail',
  piiSubject: 'pii_subject',
  declaredUnused: 'declared_unused',
  detailPassthroughKeys: 'detail_passthrough_keys',
  failClosed: 'fail_closed',
}
const texts = ['category', 'action', 'description', 'emitter'] as const
const flags = ['high_volume', 'pii_in_detail', 'declared_unused', 'fail_closed'] as const
const memberNames = [
  'id',
  'domain',
  ...texts,
  'severity',
  'retention_class',
  ...flags,
  'pii',
  'pii_subject',
  'pii_subjects',
  'detail_passthrough_keys',
  'detail',
] as const
/** Members of a row, besides those of `detail`, that may be about a person. */
export const personalAnchors = [
  'actor',
  'on_behalf_of',
  'target',
  'session_id',
  'reason',
  'source',
  'source.ip',
  'source.user_agent',
  'source.device',
] as const

/** Members, besides those of `detail`, that can name a person. */
export const subjectAnchors = ['actor', 'target', 'on_behalf_of', 'session_id'] as const

/** Longest name of a domain, code, category or action: a leaf must have room for them. */
export const nameCharsMax = 128
const codePattern = /^[A-Z][A-Z0-9_]*$/
const severityAliases: Readonly<Record<string, Severity>> = {
  warning: 'warn',
  notice: 'info',
  fatal: 'critical',
}

/** What is wrong with a domain's name, or undefined. */
export function domainProblem(domain: unknown): string | undefined {
  if (typeof domain !== 'string' || domain === '')
    return `a domain is a non-empty string, not ${quoted(domain)}`
  if (domain.length > nameCharsMax)
    return `a domain has at most ${nameCharsMax} characters, not ${domain.length}`
  // A comma or line break would break the lines of `fasten dump`.
  return /[\p{Cc},]/u.test(domain) || domain.trim() !== domain
    ? `the domain ${quoted(domain)} has a comma, a control character or white space around it`
    : undefined
}

/**
 * Reads one registration. Answers the complete meta and no problems, or all problems at once. `given` is not changed and nothing of
 * it is kept by reference. Members that begin with `x-` are other tools' and are skipped.
 */
export function readMeta(
  domain: string,
  code: string,
  given: unknown,
): { readonly meta: CodeMeta; readonly problems: readonly CodeProblem[] } {
  const problems: CodeProblem[] = []
  const complain = (kind: CodeProblemKind, path: readonly (string | number)[], message: string): void =>
    void problems.push({ kind, path, message })
  if (!codePattern.test(code) || code.length > nameCharsMax) {
    const upper = code
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replace(/[^A-Za-z0-9]+/g, '_')
      .toUpperCase()
    const hint = codePattern.test(upper) && upper !== code ? ` (did you mean "${upper}"?)` : ''
    complain(
      'INVALID_KEY',
      [],
      `a code is UPPER_SNAKE_CASE of at most ${nameCharsMax} characters, not ${quoted(code)}${hint}`,
    )
  }
  const entry = given === null ? undefined : given
  if (entry !== undefined && !isRecord(entry)) {
    complain('INVALID_VALUE', [], `a code's entry is a mapping of members, not ${quoted(given)}`)
  }
  const members = named(isRecord(entry) ? entry : {}, complain)

  const { id, domain: own } = members
  if (id !== undefined && id !== code)
    complain('ID_MISMATCH', ['id'], `id is ${quoted(id)}, but the code is named "${code}"`)
  if (own !== undefined && own !== domain) {
    complain(
      'DOMAIN_MISMATCH',
      ['domain'],
      `domain is ${quoted(own)}, but the code is registered under "${domain}"`,
    )
  }
  const text = (name: (typeof texts)[number], fallback: string): string => {
    const value = members[name]
    if (value === undefined || value === null) return fallback
    if (typeof value !== 'string')
      complain('INVALID_VALUE', [name], `${name} must be a string, not ${quoted(value)}`)
    else if (name !== 'description' && value.length > nameCharsMax) {
      complain('INVALID_VALUE', [name], `${name} has at most ${nameCharsMax} characters, not ${value.length}`)
    } else return value
    return fallback
  }
  const flag = (name: (typeof flags)[number]): boolean => {
    const value = members[name]
    if (value === undefined || value === null || typeof value === 'boolean') return value === true
    complain('INVALID_VALUE', [name], `${name} must be true or false, not ${quoted(value)}`)
    return false
  }
  const choice = <T extends string>(name: string, allowed: readonly T[], fallback: T): T => {
    const value = members[name]
    if (value === undefined || value === null) return fallback
    const found = allowed.find((word) => word === value)
    if (found !== undefined) return found
    const alias =
      typeof value === 'string' && name === 'severity' ? severityAliases[value.toLowerCase()] : undefined
    const hint =
      alias === undefined
        ? typeof value === 'string'
          ? didYouMean(value, allowed)
          : ''
        : ` (did you mean "${alias}"?)`
    complain(
      'INVALID_VALUE',
      [name],
      `${name} must be one of ${allowed.join(', ')}, not ${quoted(value)}${hint}`,
    )
    return fallback
  }
  const names = (name: 'pii' | 'detail_passthrough_keys'): readonly string[] => {
    const value = members[name]
    if (value === undefined || value === null) return []
    if (name === 'pii' && isRecord(value)) return Object.keys(value)
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string' || item === '')) {
      complain('INVALID_VALUE', [name], `${name} must be a list of names, not ${quoted(value)}`)
      return []
    }
    return [...(value as readonly string[])]
  }

  const subjects: Record<string, string> = {}
  for (const from of ['pii', 'pii_subjects'] as const) {
    const value = members[from]
    if (value === undefined || value === null || (from === 'pii' && Array.isArray(value))) continue
    if (!isRecord(value)) {
      if (from === 'pii_subjects')
        complain(
          'INVALID_VALUE',
          [from],
          `${from} maps a personal member to the one that names whom it is about`,
        )
      continue
    }
    for (const [member, subject] of Object.entries(value)) {
      const problem = subjectProblem(subject)
      if (problem === undefined) subjects[member] = subject as string
      else complain('INVALID_VALUE', [from, member], problem)
    }
  }
  const subject = members['pii_subject']
  const oneProblem = subject === undefined || subject === null ? undefined : subjectProblem(subject)
  if (oneProblem !== undefined) complain('INVALID_VALUE', ['pii_subject'], oneProblem)

  const detail = members['detail']
  if (detail !== undefined && detail !== null) {
    for (const { path, message } of detailSchemaProblems(detail))
      complain('INVALID_VALUE', ['detail', ...path], message)
  }
  const meta: CodeMeta = {
    domain,
    category: text('category', domain),
    action: text('action', code.toLowerCase()),
    severity: choice('severity', severities, 'info'),
    description: text('description', ''),
    emitter: text('emitter', ''),
    retention_class: choice('retention_class', retentionClasses, 'medium'),
    high_volume: flag('high_volume'),
    pii_in_detail: flag('pii_in_detail'),
    pii: names('pii'),
    ...(Object.keys(subjects).length === 0 ? {} : { pii_subjects: subjects }),
    ...(typeof subject === 'string' && oneProblem === undefined ? { pii_subject: subject } : {}),
    declared_unused: flag('declared_unused'),
    detail_passthrough_keys: names('detail_passthrough_keys'),
    ...(isRecord(detail) && problems.length === 0 ? { detail: structuredCopy(detail) as DetailSchema } : {}),
    fail_closed: flag('fail_closed'),
  }
  privacyProblems(meta, complain)
  return { meta: deepFrozen(meta), problems }
}

type Complain = (kind: CodeProblemKind, path: readonly (string | number)[], message: string) => void

/** The members in one spelling; what nobody knows is a problem, as it is most often a misspelt promise. */
function named(entry: Record<string, unknown>, complain: Complain): Record<string, unknown> {
  const members: Record<string, unknown> = {}
  for (const key of Object.keys(entry)) {
    const name = Object.hasOwn(spellings, key) ? (spellings[key] as string) : key
    if (entry[key] === undefined || key.startsWith('x-')) continue
    if (!(memberNames as readonly string[]).includes(name)) {
      complain(
        'INVALID_KEY',
        [key],
        `unknown member "${key}"${didYouMean(key, memberNames)}; known are ${memberNames.join(', ')}`,
      )
    } else if (Object.hasOwn(members, name))
      complain('INVALID_KEY', [key], `"${name}" is given twice, in two spellings`)
    else members[name] = entry[key]
  }
  return members
}

function subjectProblem(subject: unknown): string | undefined {
  const isAnchor = (subjectAnchors as readonly unknown[]).includes(subject)
  const isDetail =
    typeof subject === 'string' && subject.startsWith('detail.') && !subject.split('.').includes('')
  if (isAnchor || isDetail) return undefined
  const hint = typeof subject === 'string' ? didYouMean(subject, subjectAnchors) : ''
  return `${quoted(subject)} names nobody${hint}; whom a value is about is said by ${subjectAnchors.join(', ')} or detail.<member>`
}

function privacyProblems(meta: CodeMeta, complain: Complain): void {
  for (const member of Object.keys(meta.pii_subjects ?? {})) {
    if (!meta.pii.includes(member))
      complain('INVALID_VALUE', ['pii_subjects', member], `"${member}" is not declared in pii`)
  }
  for (const [index, pointer] of meta.pii.entries()) {
    const isDetail =
      pointer === 'detail' || (pointer.startsWith('detail.') && !pointer.split('.').includes(''))
    if (isDetail || (personalAnchors as readonly string[]).includes(pointer)) continue
    const hint = didYouMean(pointer, personalAnchors)
    complain(
      'INVALID_VALUE',
      ['pii', index],
      `pii names "${pointer}"${hint}; it may name detail.<member> or ${personalAnchors.join(', ')}`,
    )
  }
  if (meta.retention_class === 'permanent' && (meta.pii_in_detail || meta.pii.length > 0)) {
    complain(
      'INVALID_VALUE',
      ['retention_class'],
      'rows that are kept for ever may not hold personal data; choose another class or drop pii',
    )
  }
  for (const [index, name] of meta.detail_passthrough_keys.entries()) {
    if (meta.pii.includes(`detail.${name}`)) {
      complain(
        'INVALID_VALUE',
        ['detail_passthrough_keys', index],
        `"${name}" is both declared personal and passed through`,
      )
    }
  }
}

function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy)
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, structuredCopy(member)]))
    : value
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFrozen(member)
  }
  return value
}
