// SPDX-License-Identifier: Apache-2.0
import { pictures } from '../../packages/tui/src/fixtures/pictures.ts'
import type { Tree } from '../tidy/tree.ts'

const block = /^<!-- screen (?<name>\w+) -->\n```\n[\s\S]*?^```$/gm

/** The guide of the terminal program with every block under a `<!-- screen name -->` line drawn by the program itself. Throws for a screen that there is not. */
export function tuiPage(tree: Tree): string {
  const drawn: Readonly<Record<string, string>> = pictures()
  return (tree.get('docs/guides/tui.md') ?? '').replace(block, (_whole, name: string) => {
    const screen = drawn[name]
    if (screen === undefined)
      throw new TypeError(`docs/guides/tui.md shows the screen ${name}, which there is not`)
    return `<!-- screen ${name} -->\n\`\`\`\n${screen}\n\`\`\``
  })
}
