#compdef secure-lock-server
# Completion for zsh. The words come from the program itself, so that they are always its own.
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
# Run where it was loaded on demand, else made known.
if [[ $funcstack[1] == _secure-lock-server ]]; then
  _secure-lock-server "$@"
else
  compdef _secure-lock-server secure-lock-server
fi
