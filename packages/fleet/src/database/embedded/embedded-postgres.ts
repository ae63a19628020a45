// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { FastenError } from 'fasten'
import { Client } from 'pg'
import { findServerPrograms, type ServerPrograms } from './server-programs.ts'

/** A Postgres whose files lie in a folder of ours. */
export interface EmbeddedPostgres {
  /** Of its administrator, on the database `fleet`. */
  readonly url: string
  /** False when it ran already: another fleet server of this machine started it, or one that was killed. */
  readonly isStarted: boolean
  /** Ends the server, if this process started it, after what runs was rolled back and everything was written down. */
  stop(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  /** Created when it is not there. */
  readonly folder: string
  /** Told what takes seconds: making the database, starting it. */
  readonly onProgress?: (step: string) => void
}

/**
 * Makes a Postgres in `folder` on the first call and starts it, or joins the one that runs on these files. It listens on 127.0.0.1 only, at a
 * free port, and takes a password that is drawn when it is made and lies beside its data, readable by this user alone.
 *
 * A server outlives a fleet that is killed, and the next one joins it: nothing of the data is at stake either way. Throws FastenError
 * `EMBEDDED_UNAVAILABLE` when the programs are not installed or cannot run here.
 */
export async function openEmbeddedPostgres({
  folder,
  onProgress = () => {},
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const programs = await findServerPrograms()
  const data = join(folder, 'data')
  prepareFolder(folder, programs)
  if (!existsSync(join(data, 'PG_VERSION'))) {
    onProgress('making a Postgres for this fleet')
    await initialise(programs, folder, data)
  }
  const password = readFileSync(join(folder, 'password'), 'utf8').trim()
  const running = await runningAt(data, password)
  if (running !== undefined) {
    await ensureDatabase(running)
    return { url: onFleet(running), isStarted: false, stop: async () => {} }
  }
  onProgress('starting its Postgres')
  const { url, child } = await start(programs, folder, data, password)
  await ensureDatabase(url)
  return { url: onFleet(url), isStarted: true, stop: () => stop(child) }
}

/** Of the server's own user, who must be able to enter it, and of nobody else. */
function prepareFolder(folder: string, { user }: ServerPrograms): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (user === undefined) return
  chownSync(folder, user.uid, user.gid)
  for (let path = dirname(folder); ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0)
      throw new FastenError('EMBEDDED_UNAVAILABLE', `the user postgres cannot enter ${path}`, {
        at: folder,
        hint: 'Postgres does not run as root: put FLEET_DATA_DIR elsewhere, or name a Postgres with FLEET_DATABASE_URL',
      })
    if (dirname(path) === path) return
  }
}

async function initialise({ initdb, user }: ServerPrograms, folder: string, data: string): Promise<void> {
  // Made beside and moved in when it is whole: a folder that is there is a database that works.
  const unfinished = join(folder, `data-${process.pid}`)
  const passwordFile = join(folder, 'password')
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  writeFileSync(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  if (user !== undefined) for (const path of [unfinished, passwordFile]) chownSync(path, user.uid, user.gid)
  const account = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  const args = ['-D', unfinished, '--encoding=UTF8', '--locale=C', '--data-checksums', ...account]
  try {
    await promisify(execFile)(initdb, args, { ...user, cwd: folder, env: { LC_ALL: 'C' } })
  } catch (cause) {
    rmSync(unfinished, { recursive: true, force: true })
    throw unavailable('initdb failed', folder, cause)
  }
  renameSync(unfinished, data)
}

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 100,
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  wal_compression: 'on',
  log_min_messages: 'warning',
}

async function start(
  { postgres, user }: ServerPrograms,
  folder: string,
  data: string,
  password: string,
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const port = await freePort()
  const options = Object.entries({ ...settings, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  let said = ''
  const child = spawn(postgres, ['-D', data, ...options], {
    ...user,
    cwd: folder,
    env: { LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    // Ctrl-C in a terminal reaches every process of it; the database ends when the fleet has let go of it.
    detached: true,
  })
  child.stderr.setEncoding('utf8').on('data', (words: string) => (said = `${said}${words}`.slice(-4000)))
  const ended = new Promise<never>((_, reject) => {
    const fail = (cause: unknown): void =>
      reject(unavailable(`Postgres did not start: ${said.trim()}`, data, cause))
    child.once('error', fail)
    child.once('exit', fail)
  })
  ended.catch(() => {
    // Told through the race below; later it is an end that was asked for.
  })
  const url = urlOf(port, password)
  await Promise.race([ended, answering(url, data)])
  child.unref()
  ;(child.stderr as unknown as { unref(): void }).unref()
  return { url, child }
}

async function answering(url: string, data: string): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (await answers(url)) return
    await pause(50)
  }
  throw unavailable('Postgres did not take connections within a minute', data)
}

/** The server that has these files open, if one has and takes our password. */
async function runningAt(data: string, password: string): Promise<string | undefined> {
  const lines = existsSync(join(data, 'postmaster.pid'))
    ? readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    : []
  const port = Number(lines[3])
  if (!Number.isInteger(port) || port < 1) return undefined
  const url = urlOf(port, password)
  // One that is starting for somebody else needs a moment.
  for (let tries = 0; tries < 60 && isAlive(Number(lines[0])); tries++) {
    if (await answers(url)) return url
    await pause(250)
  }
  return undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.ref()
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGINT')
  await ended
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = 'fleet'")
    if (rowCount === 0) await client.query('CREATE DATABASE fleet')
  } catch (error) {
    // Another server of this fleet made it first.
    if ((error as { code?: unknown }).code !== '42P04' && (error as { code?: unknown }).code !== '23505')
      throw error
  } finally {
    await client.end()
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => {
    // A server that is still starting up hangs up; the answer below says so.
  })
  try {
    await client.connect()
    return true
  } catch {
    // Not yet, or not ours.
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

const urlOf = (port: number, password: string): string =>
  `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`

function onFleet(url: string): string {
  const own = new URL(url)
  own.pathname = '/fleet'
  return own.href
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

function unavailable(message: string, at: string, cause?: unknown): FastenError {
  return new FastenError('EMBEDDED_UNAVAILABLE', message, {
    at,
    hint: 'name a Postgres of yours with FLEET_DATABASE_URL',
    cause,
  })
}
