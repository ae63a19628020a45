// SPDX-License-Identifier: Apache-2.0
import { membersThatDiffer, type CodeMeta, type DetailSchema, type MemberSchema } from '../core/code.ts'
import { isRecord } from '../core/detail-schema.ts'
import { retentionClasses, severities } from '../core/row.ts'

/** `breaking`: something that emits or reads these rows today would go wrong, or evidence or privacy is weakened. */
export type Compatibility = 'compatible' | 'breaking'

export interface CodeChange {
  readonly code: string
  /** Member of the meta, e.g. `severity` or `detail.properties.amount`; empty when the code as a whole came or went. */
  readonly member: string
  readonly before: unknown
  readonly after: unknown
  readonly compatibility: Compatibility
  /** Why, in a few lower-case words. */
  readonly reason: string
}

export interface CodeDiff {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** In order of code and member; additions and removals are among them. */
  readonly changes: readonly CodeChange[]
  /** `none` when the catalogues say the same. `fasten codes diff` exits 1 for `breaking`, else 0. */
  readonly verdict: 'none' | Compatibility
}

type Codes = ReadonlyMap<string, CodeMeta>

/** What changed from one catalogue to the next, judged for those who emit and those who read. Source: spec/codes.md#compatibility. */
export function diffCodes(before: Codes, after: Codes): CodeDiff {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort()
  const changes = names.flatMap((code) => changesOf(code, before.get(code), after.get(code)))
  const isBreaking = changes.some(({ compatibility }) => compatibility === 'breaking')
  return {
    added: names.filter((code) => !before.has(code)),
    removed: names.filter((code) => !after.has(code)),
    changes,
    verdict: changes.length === 0 ? 'none' : isBreaking ? 'breaking' : 'compatible',
  }
}

function changesOf(
  code: string,
  before: CodeMeta | undefined,
  after: CodeMeta | undefined,
): readonly CodeChange[] {
  const change = (
    member: string,
    from: unknown,
    to: unknown,
    compatibility: Compatibility,
    reason: string,
  ): CodeChange => ({ code, member, before: from, after: to, compatibility, reason })
  if (before === undefined) return [change('', undefined, after, 'compatible', 'new code')]
  if (after === undefined) {
    return before.declared_unused
      ? [change('', before, undefined, 'compatible', 'was declared unused')]
      : [change('', before, undefined, 'breaking', 'whoever emits it is unregistered now')]
  }
  return membersThatDiffer(before, after).flatMap((member) => {
    if (member === 'detail') return schemaChanges(before.detail ?? {}, after.detail ?? {}, 'detail', change)
    const [compatibility, reason] = judge(member, before, after)
    return [change(member, before[member], after[member], compatibility, reason)]
  })
}

function judge(member: keyof CodeMeta, before: CodeMeta, after: CodeMeta): readonly [Compatibility, string] {
  switch (member) {
    case 'domain':
    case 'category':
    case 'action':
      return ['breaking', 'queries and alerts that name it find nothing any more']
    case 'severity':
      return severities.indexOf(after.severity) < severities.indexOf(before.severity)
        ? ['breaking', 'alerts on the old severity stay silent']
        : ['compatible', 'more severe']
    case 'retention_class':
      return retentionClasses.indexOf(after.retention_class) <
        retentionClasses.indexOf(before.retention_class)
        ? ['breaking', 'evidence is kept for less time']
        : ['compatible', 'kept longer']
    case 'pii_in_detail':
      return after.pii_in_detail
        ? ['breaking', 'readers find the detail minimised']
        : ['breaking', 'a detail that was personal is written in clear; review it']
    case 'pii':
      return before.pii.every((pointer) => after.pii.includes(pointer))
        ? ['breaking', 'readers find more members masked']
        : ['breaking', 'a member that was personal is written in clear; review it']
    case 'pii_subject':
    case 'pii_subjects':
      return ['breaking', 'erasing a person reaches other values than before; review it']
    case 'detail_passthrough_keys':
      return before.detail_passthrough_keys.every((key) => after.detail_passthrough_keys.includes(key))
        ? ['compatible', 'more of the detail is kept']
        : ['breaking', 'readers miss members that were kept']
    case 'fail_closed':
      return after.fail_closed
        ? ['breaking', 'emit may throw now']
        : ['breaking', 'an action may go through without its record']
    default:
      return ['compatible', 'says more about the same event']
  }
}

type Change = (
  member: string,
  from: unknown,
  to: unknown,
  compatibility: Compatibility,
  reason: string,
) => CodeChange
type Parts = DetailSchema | Exclude<MemberSchema, string>

function schemaChanges(before: Parts, after: Parts, at: string, change: Change): readonly CodeChange[] {
  const changes: CodeChange[] = []
  const [had, has] = [before.required ?? [], after.required ?? []]
  for (const name of has.filter((one) => !had.includes(one))) {
    changes.push(change(`${at}.required`, undefined, name, 'breaking', `emitters must say ${name} now`))
  }
  for (const name of had.filter((one) => !has.includes(one))) {
    changes.push(
      change(`${at}.required`, name, undefined, 'breaking', `readers cannot count on ${name} any more`),
    )
  }
  const [old, now] = [before.properties ?? {}, after.properties ?? {}]
  for (const name of [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()) {
    const [from, to] = [own(old, name), own(now, name)]
    const member = `${at}.properties.${name}`
    if (from === undefined) changes.push(change(member, undefined, to, 'compatible', 'new member'))
    else if (to === undefined)
      changes.push(change(member, from, undefined, 'breaking', 'readers may look for it'))
    else changes.push(...memberChanges(from, to, member, change))
  }
  if ((before.additionalProperties ?? true) !== (after.additionalProperties ?? true)) {
    const isClosed = after.additionalProperties === false
    const [compatibility, reason] = isClosed
      ? (['breaking', 'other members are refused now'] as const)
      : (['compatible', 'other members are allowed'] as const)
    changes.push(
      change(
        `${at}.additionalProperties`,
        before.additionalProperties,
        after.additionalProperties,
        compatibility,
        reason,
      ),
    )
  }
  return changes
}

function memberChanges(
  before: MemberSchema,
  after: MemberSchema,
  at: string,
  change: Change,
): readonly CodeChange[] {
  const [from, to] = [parts(before), parts(after)]
  const changes: CodeChange[] = []
  const [had, has] = [typesOf(from), typesOf(to)]
  if (had.join() !== has.join()) {
    const isWider = has.length === 0 || (had.length > 0 && had.every((type) => has.includes(type)))
    const reason = isWider
      ? 'readers meet types they do not know'
      : 'emitters may send a type that is refused'
    changes.push(change(`${at}.type`, had, has, 'breaking', reason))
  }
  const [chose, choose] = [from.enum, to.enum]
  if (JSON.stringify(chose) !== JSON.stringify(choose)) {
    const isWider =
      choose === undefined || (chose !== undefined && chose.every((value) => choose.includes(value)))
    changes.push(
      change(
        `${at}.enum`,
        chose,
        choose,
        isWider ? 'compatible' : 'breaking',
        isWider ? 'more choices' : 'a choice is refused now',
      ),
    )
  }
  if (from.items !== undefined && to.items !== undefined)
    changes.push(...memberChanges(from.items, to.items, `${at}.items`, change))
  else if (from.items !== to.items) {
    const isOpened = to.items === undefined
    changes.push(
      change(
        `${at}.items`,
        from.items,
        to.items,
        isOpened ? 'compatible' : 'breaking',
        isOpened ? 'any items' : 'some items are refused now',
      ),
    )
  }
  changes.push(...schemaChanges(from, to, at, change))
  if (from.description !== to.description) {
    changes.push(
      change(
        `${at}.description`,
        from.description,
        to.description,
        'compatible',
        'says more about the same member',
      ),
    )
  }
  return changes
}

const parts = (schema: MemberSchema): Exclude<MemberSchema, string> =>
  typeof schema === 'string' ? { type: schema } : schema
const typesOf = ({ type }: Exclude<MemberSchema, string>): readonly string[] =>
  type === undefined ? [] : typeof type === 'string' ? [type] : [...type].sort()
const own = <T>(record: { readonly [name: string]: T }, name: string): T | undefined =>
  isRecord(record) && Object.hasOwn(record, name) ? record[name] : undefined
