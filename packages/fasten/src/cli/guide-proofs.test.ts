// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { withoutPython } from '../../../../tools/python.ts'
import { openShop } from './fixtures/shop.ts'
import { shell } from './fixtures/spawn.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const guide = readFileSync(join(root, 'docs/guides/proofs.md'), 'utf8')
/** What the guide says to type, section by section. */
const scripts = Array.from(guide.matchAll(/```sh\n(.*?)```/gs), ([, script = '']) => script)
const [handedOut, evidence, audited, readAgain, gap, policy, rotated] = scripts

test('the guide of proofs: each command does what the page says', { timeout: 600_000 }, async (t) => {
  assert.equal(scripts.length, 7)
  const shop = openShop(t)
  for (let at = 0; at < 3; at++) shop.refund(`req-${at}`)
  await shop.stored()
  await shop.fasten.close()
  for (const name of ['verify.mjs', 'verify.py'])
    copyFileSync(join(root, 'spec', name), join(shop.folder, name))
  const type = async (script = ''): Promise<{ readonly out: string; readonly err: string }> => {
    const runnable = withoutPython.reason ? script.replace(/^python3 .*$/gm, '') : script
    const { exitCode, out, err } = await shell(`set -e\n${runnable}`, {
      cwd: shop.folder,
      env: { FASTEN_AUDIT_DSN: shop.dsn },
    })
    assert.equal(exitCode, 0, `${script}\n${out}\n${err}`)
    return { out, err }
  }
  const file = (name: string): string => readFileSync(join(shop.folder, name), 'utf8')

  await type(handedOut)
  assert.equal(file('auditor.keys').trim().split('\n').length, 3)
  await type(evidence)
  assert.match(file('refund.tlog-proof'), /^index 3$/m)

  const { out } = await type(audited)
  const verdicts = out.match(/^(PASS|FAIL|INCOMPLETE): .*$/gm)
  assert.deepEqual(
    verdicts,
    Array.from(
      { length: withoutPython.reason ? 2 : 3 },
      () => 'PASS: every row shown is what was recorded and signed for',
    ),
  )
  if (!withoutPython.reason) {
    const [byNode = '', byPython = ''] = out.split(/(?<=^PASS: .*\n)/m)
    assert.equal(byPython, byNode, 'the two verifiers say the same, word for word')
  }
  assert.match((await type(readAgain)).out, /✓ PASS row 3 [^]*✓ PASS \d+ rows checked/)

  await type(gap)
  const counted = await type(policy)
  assert.match(counted.out, /\(given\), 1 of 1 witness$/m)
  assert.match((await type(rotated)).out, /✓ PASS \d+ rows checked in 3 logs, 0 bad, 0 missing/)
  assert.notEqual(file('auditor-new.keys'), file('auditor.keys'))

  // Of a file with the ends of several logs each counts: a pack that lacks the newest rows is found out.
  const later = openShop(t, shop.folder)
  later.refund('req-9')
  await later.fasten.close()
  const cut = await shell(
    'fasten checkpoint > newer.txt; node verify.mjs pack --key auditor-new.keys --key auditor.keys --checkpoint newer.txt; echo $?',
    { cwd: shop.folder, env: { FASTEN_AUDIT_DSN: shop.dsn } },
  )
  assert.match(cut.out, /BREAK row \d+: rolled_back: rows that were signed for are gone[^]*\n3\n$/)
})
