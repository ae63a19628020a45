// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { asks, modelServer, said, whole } from './fixtures/model-server.ts'

const root = fileURLToPath(new URL('../../../../../../', import.meta.url))

test('the first program of the guide leaves the tree that the guide shows', async (t) => {
  const guide = await readFile(join(root, 'docs/guides/agents.md'), 'utf8')
  const fenced = (head: string): string =>
    new RegExp('```\\w*\\n(' + head + '.*?)```', 's').exec(guide)?.[1] ?? assert.fail(head)
  const folder = await mkdtemp(join(tmpdir(), 'fasten-agents-'))
  t.after(() => rm(folder, { recursive: true }))
  // The real folder of the package finds what is installed beside it.
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(join(folder, 'assistant.ts'), fenced('// assistant\\.ts'))
  await writeFile(join(folder, 'prices.yaml'), fenced('# prices\\.yaml'))
  const { url } = await modelServer(t, [
    whole({ ...asks(['call-1', 'weather', { city: 'Oslo' }]), model: 'gpt-x' }),
    whole({ ...said('20 degrees', { prompt_tokens: 30, completion_tokens: 5 }), model: 'gpt-x' }),
  ])
  const env = { ...process.env, MODEL_URL: url, FASTEN_AUDIT_DSN: `sqlite:///${join(folder, 'fasten.db')}` }
  const run = (...words: string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, ['--conditions=fasten-source', ...words], {
      cwd: folder,
      env,
      timeout: 120_000,
    })
  assert.equal(
    (await run('assistant.ts')).stdout.split('\n').filter((line) => !line.startsWith('{'))[0],
    '20 degrees',
  )
  const main = join(root, 'packages/fasten/src/cli/main.ts')
  const tidied = (text: string): string =>
    text
      .replace(/evt-\S+/g, 'evt')
      .replace(/\d+ ms/g, 'N ms')
      .replaceAll(' (3 reasoned)', '')
  const { stdout } = await run(main, 'agents', 'tree', 'req-1')
  assert.equal(
    tidied(stdout).trimEnd(),
    tidied(fenced('\\$ fasten agents tree').split('\n').slice(1).join('\n')).trimEnd(),
  )
})
