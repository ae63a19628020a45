// SPDX-License-Identifier: Apache-2.0

/** Runs one case in this child process: parameters come as JSON in the first argument, the answer goes back over IPC. */
export async function answer<P, R>(work: (params: P) => Promise<R>): Promise<void> {
  // Some recorders work in threads that do not keep the process alive; the case has to.
  const alive = setInterval(() => {}, 1 << 30)
  const result = await work(JSON.parse(process.argv[2] ?? '{}') as P)
  await new Promise<void>((resolve, reject) => {
    process.send?.(result, (error: Error | null) => (error ? reject(error) : resolve()))
  })
  clearInterval(alive)
  process.disconnect()
}
