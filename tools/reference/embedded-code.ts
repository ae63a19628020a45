// SPDX-License-Identifier: Apache-2.0
import type { Tree } from '../tidy/tree.ts'

const block = /^<!-- (?<path>[\w./-]+\.\w+) -->\n```(?<language>\w*)\n[\s\S]*?^```$/gm

/**
 * The page with every block under a `<!-- path -->` line filled from that file, so that what a page shows is what tests run. The
 * licence line is left out. Throws when a named file does not exist.
 */
export function embeddedCode(page: string, tree: Tree): string {
  return page.replace(block, (_whole, path: string, language: string) => {
    const source = tree.get(path)
    if (source === undefined) throw new TypeError(`the page shows ${path}, which does not exist`)
    const shown = source.replace(/^\/\/ SPDX-[^\n]*\n/, '').trimEnd()
    return `<!-- ${path} -->\n\`\`\`${language}\n${shown}\n\`\`\``
  })
}
