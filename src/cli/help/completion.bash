# Completion for bash. The words come from the program itself, so they always match its version.
_secure_lock_server() {
  local IFS=$'\n' line typed
  typed=$2$'\n'${COMP_WORDS[*]:0:COMP_CWORD}
  COMPREPLY=()
  while read -r line; do
    case $line in
      :files) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$2")) ;;
      :folders) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -d -- "$2")) ;;
      *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <("${1/#\~\//$HOME/}" completion words "$typed" 2>/dev/null)
}
complete -F _secure_lock_server secure-lock-server
