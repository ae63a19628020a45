// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { test } from 'node:test'
import { createFasten } from '../capture/create.ts'
import type { Verdict } from '../core/verdict.ts'
import { ask } from './fixtures/ask.ts'
import { openShop } from './fixtures/shop.ts'
import { start } from './fixtures/spawn.ts'

const log = '_/shop/edge-07/audit'
const anchorOf = (out: string) =>
  (JSON.parse(out) as Verdict).logs.find((each) => each.log === log)?.anchored_to

test('a witness across an air gap cosigns what continues, and the policy of an auditor counts it', async (t) => {
  const shop = openShop(t)
  const file = (name: string): string => join(shop.folder, name)
  const put = (name: string, text: string): string => (writeFileSync(file(name), text), file(name))
  const here = ['--store', shop.path, '--log', log]
  shop.refund('req-1')
  await shop.stored()
  await shop.fasten.checkpoint()
  const keys = put('keys', (await ask(['key', 'show', '--store', shop.path])).out)
  const own = [
    '--name',
    'witness.example/w1',
    '--key',
    file('w1.key'),
    '--state',
    file('w1.json'),
    '--log-key',
    keys,
  ]

  const asked = await ask(['witness', 'request', ...here, '--out', file('request')])
  assert.equal(asked.exitCode, 0, asked.err)
  assert.ok(!readFileSync(file('request'), 'utf8').includes('refund'), 'no row crosses the gap')
  const signed = await ask(['witness', 'sign', '--in', file('request'), '--out', file('answer'), ...own])
  assert.equal(signed.exitCode, 0, signed.err)
  const witness = /^witness (\S+)$/m.exec(signed.err)?.[1] ?? assert.fail(signed.err)
  const accepted = await ask(['witness', 'accept', ...here, '--in', file('answer'), '--witness', witness])
  assert.equal(accepted.exitCode, 0, accepted.err)

  const auditKey =
    readFileSync(keys, 'utf8')
      .split('\n')
      .find((line) => line.startsWith(log)) ?? ''
  const policy = put('policy', `log ${auditKey}\nwitness w1 ${witness}\nquorum w1\n`)
  const seen = await ask(['verify', shop.path, '--policy', policy, '--json'])
  assert.deepEqual(anchorOf(seen.out)?.witnesses, { signed: 1, known: 1 }, seen.out)

  shop.refund('req-2')
  await shop.stored()
  await shop.fasten.checkpoint()
  assert.equal((await ask(['witness', 'request', ...here, '--out', file('request')])).exitCode, 0)
  assert.equal((await ask(['witness', 'sign', '--in', file('request'), ...own])).exitCode, 0)
  const forgotten = await ask(['witness', 'sign', '--in', file('request'), ...own])
  assert.match(forgotten.err, /WITNESS_REFUSED: this witness saw \d+ rows last/)
})

test(
  'a witness on the network is asked behind the rows; a dead one costs nothing and is told',
  { timeout: 600_000 },
  async (t) => {
    const shop = openShop(t)
    shop.refund('req-1')
    await shop.stored()
    await shop.fasten.close()
    const keys = join(shop.folder, 'keys')
    writeFileSync(keys, (await ask(['key', 'show', '--store', shop.path])).out)
    const own = [
      '--name',
      'witness.example/w1',
      '--key',
      'w1.key',
      '--state',
      'w1.json',
      '--log-key',
      keys,
      '--port',
      '0',
    ]
    const server = start(['witness', 'serve', ...own], { cwd: shop.folder })
    t.after(async () => {
      server.kill()
      await once(server, 'exit')
    })
    const lines: string[] = []
    const [out, err] = [createInterface({ input: server.stdout }), createInterface({ input: server.stderr })]
    out.on('line', (line) => lines.push(line))
    const [listening] = (await once(err, 'line')) as [string]
    const url = /(http:\S+)\/add-checkpoint/.exec(listening)?.[1] ?? assert.fail(listening)
    const witness = lines[0] ?? ((await once(out, 'line')) as [string])[0]
    const policy = join(shop.folder, 'policy')
    const dead = `witness w1 ${witness} http://127.0.0.1:9\nquorum none\n`
    for (const text of [dead, `witness w1 ${witness} ${url}\nquorum w1\n`]) {
      writeFileSync(policy, text)
      const told: string[] = []
      const fasten = createFasten({
        service_id: 'shop',
        node_id: 'edge-07',
        audit_dsn: shop.dsn,
        witness_policy: policy,
        stdout: ['none'],
        notices: { write: (line: string) => told.push(line) > 0 },
        exit_hooks: false,
        // A crowded machine is no failure.
        flush_timeout_ms: 60_000,
      })
      fasten.emit({ code: 'DOCTOR_PROBE', target: 'x' })
      const sealed = await fasten.checkpoint()
      assert.ok(sealed.length > 0)
      const isAnswered = async (): Promise<boolean> => {
        if (text === dead) return told.some((line) => line.includes('audit_witness_failed'))
        const ran = await ask(['verify', shop.path, '--witness', witness, '--json'])
        return anchorOf(ran.out)?.witnesses.signed === 1
      }
      while (!(await isAnswered())) await new Promise((resolve) => setTimeout(resolve, 50))
      await fasten.close()
    }
  },
)
