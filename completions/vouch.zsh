    # Behind `--` stands another command with its arguments.
    local -i vouch_word=${words[(i)--]}
    if ((vouch_word < CURRENT)); then
        shift $vouch_word words
        ((CURRENT -= vouch_word))
        _normal -p vouch
        return
    fi
    # `run` may be left out.
    case ${words[2]} in
    -h | --help | --version) ;;
    -*)
        words=("${words[1]}" run "${(@)words[2,-1]}")
        ((CURRENT += 1))
        ;;
    esac
