#compdef secure-lock-server
# Completion for zsh. The words come from the program itself, so they always match its version.
_secure-lock-server() {
  local line typed
  local -a described
  typed=${(Q)words[CURRENT]}$'\n'${(F)${(Q)words[1,CURRENT-1]}}
  for line in ${(f)"$(${~words[1]} completion words $typed 2>/dev/null)"}; do
    case $line in
      :files) _files ;;
      :folders) _files -/ ;;
      *) described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done
  (( $#described )) && _describe -V 'secure-lock-server' described
}
# Run it if it was loaded on demand; otherwise register it.
if [[ $funcstack[1] == _secure-lock-server ]]; then
  _secure-lock-server "$@"
else
  compdef _secure-lock-server secure-lock-server
fi
