import { existsSync, readFileSync } from 'node:fs'

const IS_REQUIRED = process.env['REQUIRE_STRACE'] === '1'

/** Whether system calls of another process can be made to fail here. */
export const CAN_FAULT = IS_REQUIRED || (existsSync('/usr/bin/strace') && process.getuid?.() === 0)

if (!CAN_FAULT)
  process.stderr.write(
    'No strace, or not root: the tests of disks that are slow or fail are left out (REQUIRE_STRACE=1 makes them fail)\n',
  )

/** A command prefix that makes reading a folder hang, as on a share that is gone, until `answerAgain`:
 * even a stopped process does not exit before then. */
export const withUnanswering = (folder: string): readonly string[] => [
  'strace',
  '-Df',
  '--output=/dev/null',
  `--trace-path=${folder}`,
  '--trace=getdents64',
  '--inject=getdents64:delay_enter=600s',
]

export const answerAgain = (pid: number): void => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  process.kill(Number(/^TracerPid:\s+([1-9]\d*)$/m.exec(status)?.[1]), 'SIGKILL')
}

/** Makes system calls of a running process slow or fail, in the syntax of strace's `inject`, until
 * restored: `faultyCalls(pid, 'fdatasync', 'error=EIO')`. */
export const faultyCalls = async (pid: number, calls: string, how: string) => {
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:${how}`]
  const strace = Bun.spawn(['strace', '-f', '-p', String(pid), '-o', '/dev/null', ...inject], {
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const words = strace.stderr.getReader()
  const { value } = await words.read()
  const said = new TextDecoder().decode(value)
  if (!said.includes('attached')) throw new Error(`strace did not attach: ${said}`)
  void (async () => {
    while (!(await words.read()).done);
  })()
  const mend = async () => {
    strace.kill('SIGTERM')
    await strace.exited
  }
  return { mend, [Symbol.asyncDispose]: mend }
}
