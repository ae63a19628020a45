// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { startProgress } from './progress.mjs'
import { SetupFailure } from './setup-failure.mjs'

/**
 * Makes node_modules what package-lock.json says. Touches neither network nor disk when it already is: the stamp inside
 * node_modules names the lockfile it was installed from. Runs on Node.js 20.20, before anything is installed.
 *
 * @param {string} root the repository's folder
 */
export async function ensureDependencies(root) {
  if (isStamped(root)) return
  const onWait = (/** @type {number | undefined} */ pid) =>
    process.stderr.write(
      `another command (process ${pid ?? 'unknown'}) is installing dependencies; waiting for it\n`,
    )
  await withLock(join(root, '.cache', 'lock-dependencies'), { onWait }, async () => {
    if (isStamped(root)) return
    // Somebody ran npm themselves and got the same tree: nothing to do.
    if (!holdsLockedTree(root)) await install(root)
    writeFileSync(stampPath(root), `${fingerprint(root)}\n`)
  })
}

const stampPath = (/** @type {string} */ root) => join(root, 'node_modules', '.fasten-stamp')

/** @param {string} root */
function isStamped(root) {
  return existsSync(stampPath(root)) && readFileSync(stampPath(root), 'utf8').trim() === fingerprint(root)
}

/**
 * What an install depends on: the lockfile, the parts of every package.json that npm resolves, and the platform, since
 * optional dependencies differ. Changing a script or a description does not count.
 *
 * @param {string} root
 */
export function fingerprint(root) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  hash.update(readFileSync(join(root, 'package-lock.json')))
  for (const folder of packageFolders(root)) {
    const manifest = readJson(join(root, folder, 'package.json'))
    const resolved = ['name', 'version', 'workspaces', 'bin', 'overrides', ...dependencyKinds]
    hash.update(JSON.stringify([folder, ...resolved.map((member) => manifest[member] ?? null)]))
  }
  return hash.digest('hex')
}

const dependencyKinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']

/**
 * The root and every workspace, as `workspaces` lists them: plain folders, or `folder/*` for each folder inside.
 *
 * @param {string} root
 * @returns {string[]}
 */
export function packageFolders(root) {
  const patterns = /** @type {string[]} */ (readJson(join(root, 'package.json'))['workspaces'] ?? [])
  const folders = patterns.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern]
    const parent = pattern.slice(0, -2)
    return existsSync(join(root, parent))
      ? readdirSync(join(root, parent)).map((name) => `${parent}/${name}`)
      : []
  })
  return ['.', ...folders.filter((folder) => existsSync(join(root, folder, 'package.json'))).toSorted()]
}

/**
 * True when node_modules holds exactly the versions of the lockfile. Optional packages may be absent: most of them are
 * for other platforms.
 *
 * @param {string} root
 */
function holdsLockedTree(root) {
  const hidden = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(hidden)) return false
  const wanted = readJson(join(root, 'package-lock.json'))['packages']
  const present = readJson(hidden)['packages']
  const isWanted = Object.keys(present).every((path) => wanted[path]?.version === present[path].version)
  const isPresent = Object.keys(wanted).every(
    (path) =>
      !path.includes('node_modules/') ||
      wanted[path].optional === true ||
      wanted[path].devOptional === true ||
      present[path]?.version === wanted[path].version,
  )
  return isWanted && isPresent && manifestsMatch(root, wanted)
}

/**
 * @param {string} root
 * @param {Record<string, any>} locked
 */
function manifestsMatch(root, locked) {
  return packageFolders(root).every((folder) => {
    const manifest = readJson(join(root, folder, 'package.json'))
    const entry = locked[folder === '.' ? '' : folder] ?? {}
    const same = (/** @type {string} */ kind) =>
      JSON.stringify(sorted(manifest[kind])) === JSON.stringify(sorted(entry[kind]))
    return dependencyKinds.every(same)
  })
}

const sorted = (/** @type {Record<string, string> | undefined} */ members = {}) =>
  Object.entries(members).toSorted()

/** @param {string} root */
async function install(root) {
  const total = Object.keys(readJson(join(root, 'package-lock.json'))['packages']).length
  const progress = startProgress('installing dependencies (npm ci)')
  const [command, ...npm] = npmCommand()
  const options = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--include=dev',
    '--include=optional',
  ]
  const child = spawn(command, [...npm, 'ci', ...options, '--loglevel=http'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: process.platform === 'win32',
  })
  let received = 0
  let text = ''
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (/** @type {string} */ chunk) => {
    text += chunk
    received += chunk.split(/npm http (?:fetch|cache) .*?\.tgz/).length - 1
    if (received > 0) progress.update(`${received} packages fetched, at most ${total}`)
  })
  const status = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
  if (status === 0) {
    progress.done(received > 0 ? `${received} packages` : '')
    return
  }
  progress.failed()
  const said = text
    .split('\n')
    .filter((line) => /^npm error ./.test(line) && !line.includes('A complete log of this run'))
    .slice(0, 15)
  throw new SetupFailure(`npm ci ended with ${status}`, remedyFor(text), said)
}

/**
 * The npm that started us, else the one on the PATH.
 *
 * @returns {[string, ...string[]]}
 */
function npmCommand() {
  const starter = process.env['npm_execpath']
  return starter !== undefined && /npm-cli\.c?js$/.test(starter) ? [process.execPath, starter] : ['npm']
}

/** @param {string} text */
export function remedyFor(text) {
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ENOTCACHED|ERR_SOCKET_TIMEOUT/.test(
      text,
    )
  )
    return 'the package registry cannot be reached; the first run needs a network (or a filled npm cache), later runs do not'
  if (/EUSAGE|in sync/.test(text))
    return 'package.json and package-lock.json disagree; run `npm install` with Node.js 24 and commit both'
  if (/ENOSPC/.test(text)) return 'the disk is full; the dependencies take about 600 MB'
  if (/EACCES|EPERM/.test(text)) return 'node_modules or the npm cache cannot be written by this user'
  if (/EINTEGRITY/.test(text))
    return 'a downloaded package differs from package-lock.json; run `npm cache verify` and try again'
  if (/ENOENT.*npm/.test(text) || text === '')
    return 'npm was not found; install Node.js 20.20 or newer with npm'
  return 'what npm said is above'
}

/**
 * @param {string} path
 * @returns {Record<string, any>}
 */
function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}
