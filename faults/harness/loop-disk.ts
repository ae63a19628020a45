// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd, type Ending } from './endings.ts'
import { makeFolder } from './place.ts'

export interface LoopDisk {
  /** Where the disk is mounted. */
  readonly folder: string
  /**
   * What the disk would hold if the power failed at this instant, mounted; `read` is asked while the process stands still, before the
   * copy is made. The process goes on afterwards.
   */
  powerLoss<T>(
    pid: number,
    read: () => T,
  ): Promise<{ readonly folder: string; readonly answer: T; remove(): void }>
}

/**
 * An ext4 file system of its own, `megabytes` large, in an image file behind a loop device; or the reason why there is none.
 *
 * What a process writes stays in the page cache of the inner file system until somebody flushes it (or half a minute
 * passes); only then does it reach the loop device and with it the image. So a copy of the image, made without unmounting
 * and without sync, holds what was flushed and lacks what was not: a power loss. The inner journal commits by
 * itself every five seconds, which is set to longer than any test here, so that nothing is safe by luck.
 * A device that acknowledges a flush and forgets it is not shown by this.
 */
export function makeLoopDisk(test: Ending, megabytes: number): LoopDisk | { readonly why: string } {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { why: 'a file system whose power can fail takes root on Linux' }
  const root = makeFolder(test, 'fasten-power-')
  const image = join(root, 'disk.img')
  const folder = join(root, 'disk')
  mkdirSync(folder)
  try {
    run('truncate', '-s', `${megabytes}M`, image)
    run('mkfs.ext4', '-q', '-F', '-m', '0', image)
    run('mount', '-o', 'loop,commit=300', image, folder)
  } catch (error) {
    return { why: `no loop device can be mounted here: ${String(error).split('\n')[0]}` }
  }
  atEnd(test, () => run('umount', '-l', folder))
  const device = run('findmnt', '-n', '-o', 'SOURCE', folder).trim().replace('/dev/', '')
  let copies = 0

  return {
    folder,
    async powerLoss(pid, read) {
      process.kill(pid, 'SIGSTOP')
      try {
        await until(() => isStill(pid))
        const answer = read()
        const copy = join(root, `copy-${++copies}`)
        mkdirSync(copy)
        // A write that was on its way to the device may land while we copy; such a copy is of no instant at all.
        for (let before = ''; before !== written(device, image);) {
          await until(() => inFlight(device) === 0)
          before = written(device, image)
          copyFileSync(image, `${copy}.img`)
        }
        run('mount', '-o', 'loop', `${copy}.img`, copy)
        return {
          folder: copy,
          answer,
          remove() {
            run('umount', '-l', copy)
            rmSync(`${copy}.img`)
          },
        }
      } finally {
        process.kill(pid, 'SIGCONT')
      }
    },
  }
}

/** Every thread of it is stopped, none is inside a system call. */
const isStill = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/task`).every(
    (thread) => /\) [Tt] /.exec(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')) !== null,
  )

const statOf = (device: string): string[] =>
  readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/)

const inFlight = (device: string): number => Number(statOf(device)[8])

const written = (device: string, image: string): string =>
  `${statOf(device)[6]} ${statSync(image, { bigint: true }).mtimeNs}`

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!isSo()) {
    if (performance.now() > deadline) throw new TypeError('the process or its disk does not come to rest')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

const run = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
