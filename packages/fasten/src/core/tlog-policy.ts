// SPDX-License-Identifier: Apache-2.0
import type { CheckpointKeys, TrustedCheckpoint } from './checkpoint.ts'
import type { Digest } from './digest.ts'
import { FastenError } from './error.ts'
import { hexOf } from './octets.ts'
import { parseVerifierKey, type KeyKind, type VerifierKey } from './verifier-key.ts'

/**
 * Whom a verifier believes: the keys of logs, those of witnesses, and how many witnesses have to have seen a checkpoint. An input of whoever
 * verifies, never taken from what is verified.
 */
export interface TlogPolicy {
  readonly logs: readonly { readonly key: VerifierKey; readonly url?: string }[]
  readonly witnesses: readonly PolicyWitness[]
  readonly groups: readonly PolicyGroup[]
  /** Name of a witness or a group; undefined when no cosignature is required. */
  readonly quorum: string | undefined
}

export interface PolicyWitness {
  /** Means something in this policy only. */
  readonly name: string
  readonly key: VerifierKey
  readonly url?: string
}

export interface PolicyGroup {
  readonly name: string
  /** How many of `members` have to be satisfied. */
  readonly threshold: number
  readonly members: readonly string[]
}

/** What `openCheckpoint` needs of a policy. */
export function policyKeys({ logs, witnesses }: TlogPolicy): CheckpointKeys {
  return { logs: logs.map(({ key }) => key), witnesses: witnesses.map(({ key }) => key) }
}

/** True when witnesses enough for the quorum cosigned. The checkpoint is one that was opened with `policyKeys`. */
export function hasQuorum(policy: TlogPolicy, { cosignatures }: TrustedCheckpoint): boolean {
  if (policy.quorum === undefined) return true
  const signed = new Set(cosignatures.map(({ key }) => hexOf(key.publicKey)))
  const satisfied = new Set(
    policy.witnesses.filter(({ key }) => signed.has(hexOf(key.publicKey))).map(({ name }) => name),
  )
  // Members stand above their group, so one pass suffices.
  for (const { name, threshold, members } of policy.groups)
    if (members.filter((member) => satisfied.has(member)).length >= threshold) satisfied.add(name)
  return satisfied.has(policy.quorum)
}

/**
 * Reads a policy file (c2sp.org/tlog-policy). Throws FastenError `BAD_POLICY`, which names the line, and `BAD_VERIFIER_KEY`.
 * Source: spec/proofs.md#policies.
 */
export function parseTlogPolicy(text: string, digest: Digest): TlogPolicy {
  const logs: { key: VerifierKey; url?: string }[] = []
  const witnesses: PolicyWitness[] = []
  const groups: PolicyGroup[] = []
  const taken = new Set<string>()
  const publicKeys = new Set<string>()
  let quorum: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const refuse = (why: string): FastenError =>
      new FastenError('BAD_POLICY', `line ${index + 1} of a policy: ${why}`, {
        hint: 'lines are: log KEY [URL], witness NAME KEY [URL], group NAME K|any|all MEMBER…, quorum NAME|none',
      })
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(line)) throw refuse('it has a control character')
    const [verb, ...words] = line.split(/[ \t]+/).filter((word) => word !== '')
    if (verb === undefined || verb.startsWith('#')) continue
    if (verb === 'log') addLog(words, refuse)
    else if (verb === 'witness') addWitness(words, refuse)
    else if (verb === 'group') addGroup(words, refuse)
    else if (verb === 'quorum') setQuorum(words, refuse)
    else throw refuse(`"${verb}" is none of log, witness, group, quorum`)
  }
  if (quorum === undefined)
    throw new FastenError('BAD_POLICY', 'a policy has no quorum', {
      hint: 'end it with `quorum NAME`, or with `quorum none` when no witness is required',
    })
  return { logs, witnesses, groups, quorum: quorum === 'none' ? undefined : quorum }

  type Refuse = (why: string) => FastenError

  function addLog([vkey, url, ...rest]: readonly string[], refuse: Refuse): void {
    if (vkey === undefined || rest.length > 0) throw refuse('a log is `log KEY [URL]`')
    logs.push({ key: keyOf(vkey, 'ed25519', refuse), ...(url === undefined ? {} : { url }) })
  }

  function addWitness([name, vkey, url, ...rest]: readonly string[], refuse: Refuse): void {
    if (name === undefined || vkey === undefined || rest.length > 0)
      throw refuse('a witness is `witness NAME KEY [URL]`')
    take(name, refuse)
    witnesses.push({
      name,
      key: keyOf(vkey, 'cosignature/v1', refuse),
      ...(url === undefined ? {} : { url }),
    })
  }

  function addGroup([name, count = '', ...members]: readonly string[], refuse: Refuse): void {
    if (name === undefined || members.length === 0) throw refuse('a group is `group NAME K|any|all MEMBER…`')
    for (const [at, member] of members.entries()) {
      if (!taken.has(member)) throw refuse(`"${member}" is named by no line above`)
      if (members.indexOf(member) !== at || groups.some((group) => group.members.includes(member)))
        throw refuse(`"${member}" is a member already: nobody counts twice`)
    }
    const spelled = { all: members.length, any: 1 }[count]
    const threshold = spelled ?? (/^[1-9]\d{0,8}$/.test(count) ? Number(count) : 0)
    if (threshold < 1 || threshold > members.length)
      throw refuse(`"${count}" is no number of ${members.length} members`)
    take(name, refuse)
    groups.push({ name, threshold, members })
  }

  function setQuorum([name, ...rest]: readonly string[], refuse: Refuse): void {
    if (name === undefined || rest.length > 0) throw refuse('a quorum is `quorum NAME` or `quorum none`')
    if (quorum !== undefined) throw refuse('there is a quorum already')
    if (name !== 'none' && !taken.has(name)) throw refuse(`"${name}" is named by no line above`)
    quorum = name
  }

  function take(name: string, refuse: Refuse): void {
    if (name === 'none' || taken.has(name)) throw refuse(`"${name}" means something already`)
    taken.add(name)
  }

  function keyOf(vkey: string, kind: KeyKind, refuse: Refuse): VerifierKey {
    const key = parseVerifierKey(vkey, digest)
    if (key.kind !== kind) throw refuse(`${key.name} is a key of kind ${key.kind}; needed is ${kind}`)
    // The same name may have had several keys; the same key under two names would count twice.
    const one = `${kind} ${hexOf(key.publicKey)}${kind === 'ed25519' ? key.name : ''}`
    if (publicKeys.has(one)) throw refuse(`the key of ${key.name} stands above already`)
    publicKeys.add(one)
    return key
  }
}
