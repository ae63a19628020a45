// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openCollector } from '../reader/otlp/fixtures/collector.ts'
import { shell } from './fixtures/spawn.ts'
import { temporaryFolder } from './fixtures/shop.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const guide = readFileSync(join(root, 'docs/guides/opentelemetry.md'), 'utf8')
const [, program = ''] = /```ts\n\/\/ joined\.ts\n(.*?)```/s.exec(guide) ?? []
const [, command = ''] = /```sh\n(.*?)```/s.exec(guide) ?? []

test(
  'the guide of OpenTelemetry: its program joins a row and a span, its command sends rows',
  { timeout: 300_000 },
  async (t) => {
    const folder = temporaryFolder(t)
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'joined.ts'), program)
    const env = { FASTEN_AUDIT_DSN: 'sqlite:///./guide.db' }
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=fasten-source', 'joined.ts'],
      {
        cwd: folder,
        env: { ...process.env, ...env, NODE_OPTIONS: '' },
      },
    )
    const span = JSON.parse(stdout) as { readonly span_id: string; readonly request_id: string }
    assert.equal(span.request_id, 'req-1')

    const collector = await openCollector()
    t.after(() => collector.close())
    const { exitCode, err } = await shell(command.replace('http://127.0.0.1:4318/v1/logs', collector.url), {
      cwd: folder,
      env,
    })
    assert.equal(exitCode, 0, err)
    const row = collector.taken().find(({ attributes }) => attributes['fasten.request_id'] === 'req-1')
    assert.deepEqual([row?.['eventName'], row?.['spanId']], ['ORDER_PAID', span.span_id])
    assert.deepEqual(collector.problems, [])
  },
)
