// SPDX-License-Identifier: Apache-2.0
import { fork } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Runs `bench/cases/<name>.ts` in a fresh process and answers what it sent. Rejects when the case failed an assertion,
 * died, or sent nothing: a case without a checked result has no result.
 */
export function runCase<P, R>(
  name: string,
  params: P,
  options: { stdoutFile?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<R> {
  const stdout = options.stdoutFile === undefined ? ('ignore' as const) : openSync(options.stdoutFile, 'a')
  const child = fork(
    fileURLToPath(new URL(`../cases/${name}.ts`, import.meta.url)),
    [JSON.stringify(params)],
    {
      stdio: ['ignore', stdout, 'inherit', 'ipc'],
      env: { ...process.env, ...options.env },
    },
  )
  return new Promise((resolve, reject) => {
    let result: R | undefined
    child.on('message', (message) => {
      result = message as R
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (typeof stdout === 'number') closeSync(stdout)
      if (code === 0 && result !== undefined) resolve(result)
      else
        reject(
          new Error(
            `case ${name} ${JSON.stringify(params)} ended with ${signal ?? code}${result === undefined ? ' and no result' : ''}`,
          ),
        )
    })
  })
}
