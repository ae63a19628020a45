// SPDX-License-Identifier: Apache-2.0
import { realpathSync } from 'node:fs'

/**
 * Whether the file that Node.js was started with is no application: NODE_OPTIONS reaches every thread and process, so also what starts the application
 * (npm, npx, pnpm, yarn, corepack, each by its package, its release file or corepack's cache), our own command, and the thread that stores our rows. A
 * program of the application's own that happens to have such a name is an application.
 */
export function isNoApplication(file: string): boolean {
  if (file === '') return false
  const path = realPath(file).replaceAll('\\', '/')
  return (
    /\/store\/drain-worker\.[jt]s$/.test(path) ||
    /\/(node_modules|nodejs)\/(npm|corepack|pnpm|@pnpm\/exe|yarn|@yarnpkg\/cli-dist|fasten)\/(bin|dist|lib)\//.test(
      path,
    ) ||
    /\/fasten\/(dist|src)\/cli\/main\.[jt]s$/.test(path) ||
    /\/\.yarn\/releases\/yarn-[^/]+\.[cm]?js$/.test(path) ||
    // Where corepack, and version managers that do without a node_modules, keep what they fetched.
    /\/(corepack\/v?\d+\/)?(npm|pnpm|yarn)(\/|-v?)\d+(\.\d+)+[^/]*\/(bin\/|lib\/)?(npm|npx|npm-cli|npx-cli|pnpm|pnpx|yarn|yarnpkg)\.[cm]?js$/.test(
      path,
    )
  )
}

function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    // Code that was given on the command line, or a file that is gone: by its name, then.
    return file
  }
}
