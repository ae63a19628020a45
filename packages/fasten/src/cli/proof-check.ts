// SPDX-License-Identifier: Apache-2.0
import { leafHash } from '../core/chain.ts'
import { FastenError } from '../core/error.ts'
import { readJson } from '../core/read-json.ts'
import type { Row } from '../core/row.ts'
import { hasQuorum } from '../core/tlog-policy.ts'
import { openTlogProof, parseTlogProof } from '../core/tlog-proof.ts'
import { noteCrypto, sha256 } from '../store/platform.ts'
import { usageError, type Args, type World } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { jsonLine, visible } from '../core/visible.ts'
import { fileText, trustOf } from './signing.ts'

/**
 * Checks a `.tlog-proof` file with nothing but the keys that were given: the row it carries was in its log when the log had so many rows. Prints
 * PASS, FAIL or INCOMPLETE with the reason; resolves to the exit code.
 */
export async function runProof(file: string, args: Args, world: World): Promise<number> {
  const trust = trustOf(args, world)
  if (trust.logs.length === 0) {
    throw usageError('BAD_OPTION', '--proof needs a key to check it with', {
      hint: 'give --key or --policy, from the operator of the log and not from whoever sent the proof',
    })
  }
  const { verdict, message, row } = judge(fileText('proof', file, world), trust)
  if (args.flag('json')) await world.out.line(jsonLine({ verdict, message, proof: file, row }))
  else if (!args.flag('quiet')) {
    const sign = { PASS: '✓', FAIL: '✗', INCOMPLETE: '?' }[verdict]
    const style = ({ PASS: 'good', FAIL: 'alarm', INCOMPLETE: 'caution' } as const)[verdict]
    await world.out.line(`${world.out.look.paint(style, `${sign} ${verdict}`)} ${visible(message)}`)
    if (row !== undefined && verdict === 'PASS') await world.out.line(visible(row))
  }
  return { PASS: exitCodes.ok, FAIL: exitCodes.fail, INCOMPLETE: exitCodes.incomplete }[verdict]
}

interface Judged {
  readonly verdict: 'PASS' | 'FAIL' | 'INCOMPLETE'
  readonly message: string
  readonly row?: string
}

function judge(text: string, trust: ReturnType<typeof trustOf>): Judged {
  try {
    const proof = parseTlogProof(text)
    if (proof.extra === undefined)
      return {
        verdict: 'INCOMPLETE',
        message: 'the proof carries no row, so there is nothing to compare with its path',
      }
    const hash = leafHash(proof.extra, sha256)
    const keys = { logs: trust.logs, witnesses: trust.witnesses }
    const checkpoint = openTlogProof(proof, hash, keys, noteCrypto)
    const row = new TextDecoder().decode(proof.extra)
    const { log, monotonic_seq } = readJson(row) as Partial<Row>
    if (log !== checkpoint.origin || monotonic_seq !== proof.index)
      return {
        verdict: 'FAIL',
        message: `the row calls itself ${log}#${monotonic_seq}, the proof is of ${checkpoint.origin}#${proof.index}`,
      }
    if (trust.policy !== undefined && !hasQuorum(trust.policy, checkpoint))
      return {
        verdict: 'INCOMPLETE',
        message: 'the checkpoint was not cosigned by as many witnesses as the policy asks for',
        row,
      }
    const seen =
      trust.witnesses.length === 0
        ? ''
        : `, ${checkpoint.cosignatures.length} of ${trust.witnesses.length} witnesses`
    return {
      verdict: 'PASS',
      message: `row ${proof.index} with hash ${hash.slice(0, 16)} was in ${checkpoint.origin} when it had ${checkpoint.size} rows (key ${checkpoint.key.id}${seen})`,
      row,
    }
  } catch (error) {
    if (!(error instanceof FastenError)) throw error
    // A stranger's signature is no evidence either way; everything else contradicts the proof.
    return { verdict: error.code === 'NOTE_UNTRUSTED' ? 'INCOMPLETE' : 'FAIL', message: error.message }
  }
}
