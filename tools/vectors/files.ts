// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { answer } from '../../packages/fasten/src/core/fixtures/answer.ts'
import { canonicalCases } from './canonical.ts'
import type { VectorCase } from './case.ts'
import { chainCases } from './chain.ts'
import { disclosureCases } from './disclosure.ts'
import { legacyCases } from './legacy.ts'
import { packCases } from './pack.ts'
import {
  checkpointCases,
  noteCases,
  policyCases,
  tilesCases,
  tlogProofCases,
  treeCases,
  witnessCases,
} from './proofs.ts'
import { verifyCases } from './verify.ts'

/** The areas whose vectors are generated, and their cases by name. */
export const generatedAreas: Readonly<Record<string, Readonly<Record<string, VectorCase<unknown>>>>> = {
  canonical: canonicalCases,
  chain: chainCases,
  verify: verifyCases,
  legacy: legacyCases,
  note: noteCases,
  checkpoint: checkpointCases,
  tree: treeCases,
  'tlog-proof': tlogProofCases,
  policy: policyCases,
  tiles: tilesCases,
  witness: witnessCases,
  pack: packCases,
  disclosure: disclosureCases,
}

/**
 * The text of every generated file by its path. The same on every machine and at every time. Throws an AssertionError when an answer is not what a
 * case claims, or a verdict not what its name says.
 */
export function vectorFiles(): Readonly<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const [area, cases] of Object.entries(generatedAreas)) {
    for (const [name, { about, checks }] of Object.entries(cases)) {
      const folder = `spec/vectors/${area}/${name}`
      const answered = checks.map(({ input, claim }) => {
        const expect = answer(area, input)
        assertHolds(expect, claim, folder)
        assertNamed(expect, name, folder)
        return { input, expect }
      })
      files[`${folder}/case.json`] = `${JSON.stringify({ checks: answered }, null, 1)}\n`
      files[`${folder}/README.md`] = `# ${title(name)}\n\n${about}\n`
    }
  }
  return files
}

/** Every part of `claim` is in `found`; objects may have more members, arrays may not have more items. */
function assertHolds(found: unknown, claim: unknown, at: string): void {
  if (Array.isArray(claim)) {
    assert.ok(
      Array.isArray(found) && found.length === claim.length,
      `${at}: ${JSON.stringify(found)} is not ${JSON.stringify(claim)}`,
    )
    claim.forEach((item, index) => assertHolds(found[index], item, `${at}/${index}`))
  } else if (typeof claim === 'object' && claim !== null) {
    assert.ok(typeof found === 'object' && found !== null, `${at}: ${JSON.stringify(found)} is no object`)
    for (const [name, part] of Object.entries(claim))
      assertHolds((found as Readonly<Record<string, unknown>>)[name], part, `${at}/${name}`)
  } else assert.equal(found, claim, at)
}

const verdicts: Readonly<Record<string, string>> = { pass: 'PASS', broken: 'FAIL', incomplete: 'INCOMPLETE' }

function assertNamed(found: unknown, name: string, at: string): void {
  const verdict = verdicts[name.split('_')[1] ?? '']
  if (verdict !== undefined)
    assert.ok(
      JSON.stringify(found).includes(`"verdict":"${verdict}"`),
      `${at} is not ${verdict}: ${JSON.stringify(found)}`,
    )
}

function title(name: string): string {
  const [words = '', verdict] = name.split('_')
  const sentence = `${words.charAt(0).toUpperCase()}${words.slice(1).replaceAll('-', ' ')}`
  return verdict === undefined ? sentence : `${sentence}: ${verdict}`
}
