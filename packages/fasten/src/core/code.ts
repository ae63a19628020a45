// SPDX-License-Identifier: Apache-2.0
import { builtinCodes, builtinDomain } from './builtin-codes.ts'
import { domainProblem, readMeta, type CodeMeta, type CodeMetaInput, type CodeProblem } from './code-meta.ts'
import { detailProblems, isRecord } from './detail-schema.ts'

export { builtinCodes, builtinDomain, type BuiltinCode } from './builtin-codes.ts'
export type { CodeMeta, CodeMetaInput, CodeProblem, CodeProblemKind } from './code-meta.ts'
export type { DetailSchema, MemberSchema } from './detail-schema.ts'

/** The codes of one domain, by name. */
export interface CodeSet {
  readonly domain: string
  readonly codes: Readonly<Record<string, CodeMetaInput>>
}

/** A problem of one code in a `CodeSet`. */
export interface LocatedProblem extends CodeProblem {
  /** Index of the set in the list that was given. */
  readonly set: number
  /** Undefined when the domain itself is wrong. */
  readonly code: string | undefined
}

export interface CodeRegistry {
  /**
   * Adds the codes of a domain: all of them or, when one is wrong, none. Registering the same code again with the same meaning is
   * harmless. Throws a TypeError that names domain, code and member and says what is allowed.
   */
  register(domain: string, codes: Readonly<Record<string, CodeMetaInput>>): void
  /** Undefined for a code nobody registered. The answer is frozen. */
  metaOf(code: string): CodeMeta | undefined
  has(code: string): boolean
  /** Names of the application's codes, sorted; with `builtin` also ours. */
  codes(which?: 'own' | 'builtin'): readonly string[]
  /** One line `CODE,domain,severity` per code of the application, sorted, joined by line feeds; empty when there are none. */
  dump(): string
  /** How a detail departs from what its code declares, as sentences; empty when it fits or nothing is declared. */
  problemsOf(code: string, detail: unknown): readonly string[]
  /** What would be wrong with replacing the catalogue by these sets; empty when nothing. */
  problemsIn(sets: readonly CodeSet[]): readonly LocatedProblem[]
  /**
   * Puts these sets in the place of those of the last call, at once and only if all are right; codes given to `register` stay. Throws a
   * TypeError otherwise, and the old catalogue is still in force.
   */
  replaceAll(sets: readonly CodeSet[]): void
}

/** A registry that holds the built-in codes. */
export function createCodeRegistry(): CodeRegistry {
  const builtin = new Map(
    Object.entries<CodeMetaInput>(builtinCodes).map(([code, given]) => [
      code,
      readMeta(builtinDomain, code, given).meta,
    ]),
  )
  const registered = new Map<string, CodeMeta>()
  let replaceable = new Map<string, CodeMeta>()
  let all = new Map(builtin)

  return {
    register(domain, codes) {
      const wrongDomain =
        domainProblem(domain) ??
        (isRecord(codes) ? undefined : 'register(domain, codes) takes an object of codes by name')
      if (wrongDomain !== undefined) throw new TypeError(`cannot register codes: ${wrongDomain}`)
      if (domain === builtinDomain)
        throw new TypeError(`cannot register codes: the domain "${builtinDomain}" is fasten's own`)
      const added = new Map<string, CodeMeta>()
      for (const [code, given] of Object.entries(codes)) {
        const { meta, problems } = readMeta(domain, code, given)
        const problem = problems[0] ?? clash(code, meta, [builtin, registered, replaceable])
        if (problem !== undefined)
          throw new TypeError(`cannot register ${domain}/${code}: ${problem.message}`)
        added.set(code, meta)
      }
      for (const [code, meta] of added) registered.set(code, meta)
      all = new Map([...builtin, ...registered, ...replaceable])
    },
    metaOf: (code) => all.get(code),
    has: (code) => all.has(code),
    codes: (which = 'own') =>
      [...all.keys()].filter((code) => which === 'builtin' || !builtin.has(code)).sort(),
    dump: () =>
      [...all]
        .filter(([code]) => !builtin.has(code))
        .map(([code, { domain, severity }]) => `${code},${domain},${severity}`)
        .sort()
        .join('\n'),
    problemsOf(code, detail) {
      const meta = all.get(code)
      return meta?.detail === undefined ? [] : detailProblems(meta.detail, detail ?? {}, meta.pii_in_detail)
    },
    problemsIn: (sets) => read(sets).problems,
    replaceAll(sets) {
      const { metas, problems } = read(sets)
      const [first] = problems
      if (first !== undefined) {
        const place = first.code === undefined ? '' : ` ${sets[first.set]?.domain}/${first.code}`
        throw new TypeError(`cannot replace the catalogue${place}: ${first.message}`)
      }
      replaceable = metas
      all = new Map([...builtin, ...registered, ...replaceable])
    },
  }

  function read(sets: readonly CodeSet[]): {
    metas: Map<string, CodeMeta>
    problems: readonly LocatedProblem[]
  } {
    const metas = new Map<string, CodeMeta>()
    const problems: LocatedProblem[] = []
    for (const [set, { domain, codes }] of sets.entries()) {
      const wrongDomain =
        domain === builtinDomain ? `the domain "${builtinDomain}" is fasten's own` : domainProblem(domain)
      if (wrongDomain !== undefined)
        problems.push({ set, code: undefined, kind: 'INVALID_VALUE', path: ['domain'], message: wrongDomain })
      for (const [code, given] of Object.entries(codes)) {
        const { meta, problems: own } = readMeta(domain, code, given)
        const found = own.length > 0 ? own : [clash(code, meta, [builtin, registered]) ?? twice(code, metas)]
        for (const problem of found) if (problem !== undefined) problems.push({ set, code, ...problem })
        metas.set(code, meta)
      }
    }
    return { metas, problems }
  }
}

function twice(code: string, metas: ReadonlyMap<string, CodeMeta>): CodeProblem | undefined {
  const other = metas.get(code)
  if (other === undefined) return undefined
  return {
    kind: 'DUPLICATE_CODE',
    path: [],
    message: `"${code}" is already defined in the domain "${other.domain}" of this catalogue`,
  }
}

/** The same code with another meaning, in any of these. */
function clash(
  code: string,
  meta: CodeMeta,
  layers: readonly ReadonlyMap<string, CodeMeta>[],
): CodeProblem | undefined {
  for (const layer of layers) {
    const other = layer.get(code)
    if (other === undefined) continue
    if (other.domain === builtinDomain) {
      return {
        kind: 'DUPLICATE_CODE',
        path: [],
        message: `"${code}" is one of fasten's own codes; choose another name`,
      }
    }
    const changed = membersThatDiffer(other, meta)
    if (changed.length === 0) continue
    const where =
      other.domain === meta.domain ? `with another ${changed.join(', ')}` : `in the domain "${other.domain}"`
    return { kind: 'DUPLICATE_CODE', path: [], message: `"${code}" is already registered ${where}` }
  }
  return undefined
}

/** Names of the members in which two metas differ. */
export function membersThatDiffer(a: CodeMeta, b: CodeMeta): readonly (keyof CodeMeta)[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof CodeMeta>
  return [...names].filter((name) => sortedText(a[name]) !== sortedText(b[name])).sort()
}

function sortedText(value: unknown): string {
  return (
    JSON.stringify(value, (_key, member: unknown) =>
      isRecord(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
        : member,
    ) ?? ''
  )
}
