// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { packAnswer, type PackVerdict } from '../packages/fasten/src/core/fixtures/answer-pack.ts'
import { root } from './setup/root.mjs'
import { packMutants, packsToMutate, type PackMutant } from './vectors/pack-mutants.ts'

/**
 * Gives every mutant of every sound pack to both verifiers, spec/verify.mjs and spec/verify.py. Throws an AssertionError when they do not
 * say the very same, or when one passes and its verdict is not, word for word, that of the pack it was made from. Answers how
 * many were tried and how many of them changed nothing that a verdict speaks of.
 */
export async function mutatePacks(
  python: string,
  stride: number,
): Promise<{ tried: number; harmless: number }> {
  let [tried, harmless] = [0, 0]
  for (const { name, input } of packsToMutate()) {
    const honest = packAnswer(input)
    const mutants = [...packMutants(input, stride)]
    const answers = mutants.map((mutant) => packAnswer(mutant.input))
    const seconds = await askPython(python, mutants)
    for (const [at, { what }] of mutants.entries()) {
      const answer = answers[at] ?? assert.fail()
      assert.deepEqual(seconds[at], answer, `${name}, ${what}: the verifiers differ`)
      if (answer.verdict !== 'PASS') continue
      harmless++
      assert.deepEqual(answer, honest, `${name}, ${what}: was believed`)
    }
    tried += mutants.length
  }
  return { tried, harmless }
}

async function askPython(python: string, mutants: readonly PackMutant[]): Promise<readonly PackVerdict[]> {
  const child = spawn(python, ['spec/conform/conform.py', 'pack'], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify({ checks: mutants }))
  const { answers } = JSON.parse(await text(child.stdout)) as { readonly answers: readonly PackVerdict[] }
  return answers
}
