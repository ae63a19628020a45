// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../../fasten/src/store/fixtures/free-port.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const guide = readFileSync(join(root, 'docs/guides/fleet.md'), 'utf8')
const scripts = Array.from(guide.matchAll(/```sh\n(.*?)```/gs), ([, script = '']) => script)

/** An application that knows nothing of the fleet. It stays up, as services do, until it is asked to end. */
const shop = `
import { createFasten } from 'fasten'
const node = process.env.FASTEN_NODE_ID
const fasten = createFasten({ service_id: 'shop', audit_dsn: 'sqlite:///' + node + '.db', stdout: [] })
fasten.register('shop', { ORDER_PAID: { category: 'sales', action: 'order.pay', severity: 'info' } })
fasten.emit({ code: 'ORDER_PAID', target: 'order:' + node })
const staying = setInterval(() => {}, 1000)
process.once('SIGTERM', () => { clearInterval(staying); void fasten.close() })
`

test('the guide of the fleet: from nothing to two nodes that ship, are read and are backed up', async () => {
  assert.equal(scripts.length, 5)
  const folder = mkdtempSync(join(tmpdir(), 'fleet-guide-'))
  // Postgres runs as a user of its own where this runs as root.
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'shop.mjs'), shop)
  writeFileSync(join(folder, 'package.json'), '{}')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  mkdirSync(join(folder, 'bin'))
  // Programs and not functions of the shell: what is started in the background has to be the process itself.
  const node = `'${process.execPath}' --conditions=fasten-source`
  for (const [name, words] of [
    ['node', ''],
    ['fleet', `'${join(root, 'packages/fleet/src/cli/main.ts')}'`],
  ] as const)
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\nexec ${node} ${words} "$@"\n`, { mode: 0o755 })
  const port = await freePort()
  const [begin = '', enrol = '', ship = '', read = '', backup = ''] = scripts
  const script = `set -e
export PATH="$PWD/bin:$PATH"
trap 'trap - EXIT; kill $(jobs -p); wait' EXIT
${begin.replaceAll('7117', String(port))}
${enrol}
${ship.replaceAll('.mjs', '.mjs &')}
arrived() { fleet query --code ORDER_PAID > arrived.txt && grep -q edge-1 arrived.txt && grep -q edge-2 arrived.txt; }
until arrived; do sleep 1; done
${read}
${backup}`
  try {
    const child = spawn('bash', ['-c', script], {
      cwd: folder,
      env: { ...process.env, FLEET_LISTEN: `127.0.0.1:${port}`, FLEET_LOG: 'silent' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 0, `${out}\n${err}`)
    assert.match(out, /edge-1[^]*edge-2/)
    assert.match(out, /PASS/)
    assert.match(out, /^whole: \d+ rows of \d+ logs of the fleet fleet as of /m)
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
})
