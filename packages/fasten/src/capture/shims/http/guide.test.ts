// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '../../../store/fixtures/free-port.ts'
import { ask } from '../../../testing/http-client.ts'

const root = fileURLToPath(new URL('../../../../../../', import.meta.url))
const guide = await readFile(join(root, 'docs/guides/http.md'), 'utf8')
/** The whole programs of the guide, by the name in their first line. */
const programs = [...guide.matchAll(/```ts\n\/\/ ([a-z]+)\.ts\n(.*?)```/gs)].map(
  ([, name = '', text = '']) => ({ name, text }),
)

/** Nest's own module, written without decorators, which Node.js does not strip. */
const appModule = `
import 'reflect-metadata'
import { Controller, Get, Module } from '@nestjs/common'
import fasten from 'fasten'
class Items {
  find() { return fasten.currentRequestID() }
}
Get('items/:id')(Items.prototype, 'find', Object.getOwnPropertyDescriptor(Items.prototype, 'find') ?? {})
Controller()(Items)
export class AppModule {}
Module({ controllers: [Items] })(AppModule)
`

const routes: Readonly<Record<string, string | undefined>> = {
  express: '/items/:id',
  fastify: '/items/:id',
  hono: '/items/:id',
  nest: '/items/:id',
}

describe('the programs of the HTTP guide', { timeout: 600_000 }, () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fasten-guide-'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    await writeFile(join(folder, 'app.module.ts'), appModule)
    for (const { name, text } of programs) await writeFile(join(folder, `${name}.ts`), text)
  })
  after(() => rm(folder, { recursive: true }))

  test('are all there', () => {
    assert.deepEqual(
      programs.map(({ name }) => name),
      ['node', 'express', 'fastify', 'hono', 'koa', 'nest', 'outbound'],
    )
  })

  for (const { name } of programs)
    test(`${name}.ts answers with the id that stands in its row`, async () => {
      const port = await freePort()
      const child = spawn(process.execPath, ['--conditions=fasten-source', `${name}.ts`], {
        cwd: folder,
        env: {
          ...process.env,
          NODE_OPTIONS: '',
          PORT: String(port),
          FASTEN_AUDIT_DSN: `sqlite:///./${name}.db`,
        },
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const rows: { shape?: string; request_id?: string; path?: string; route?: string; status?: number }[] =
        []
      createInterface({ input: child.stdout }).on('line', (line) => rows.push(JSON.parse(line) as object))
      try {
        await reachable(port, () => child.exitCode)
        const answer = await ask(port, { path: '/items/7?full', headers: ['x-request-id: guide-1'] })
        assert.equal(answer.headers['x-request-id'], 'guide-1')
        assert.equal(answer.body, name === 'outbound' ? 'guide-1 called by guide-1' : 'guide-1')
        const api = (): typeof rows => rows.filter(({ status }) => status !== undefined)
        while (api().length < (name === 'outbound' ? 2 : 1)) await sleep(5)
        const row = api().at(-1)
        assert.deepEqual(
          [row?.request_id, row?.path, row?.route, row?.status],
          ['guide-1', '/items/7', routes[name], 200],
        )
      } finally {
        child.kill('SIGKILL')
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }
    })

  test('compile under the compiler options of this repository', async () => {
    const options = { noEmit: true, typeRoots: [join(root, 'node_modules/@types')] }
    const files = programs.map(({ name }) => `${name}.ts`)
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions: options, files }),
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).catch(
      (error: { stdout: string }) => error,
    )
    // What is wrong elsewhere in the tree is told by the check of the tree.
    assert.deepEqual(
      stdout.split('\n').filter((line) => line.includes(basename(folder))),
      [],
    )
  })
})

async function reachable(port: number, exitCode: () => number | null): Promise<void> {
  for (;;) {
    if (exitCode() !== null) assert.fail(`the program ended with ${exitCode()}`)
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await sleep(20)
  }
}
