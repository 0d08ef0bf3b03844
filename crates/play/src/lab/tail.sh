build
export LAB_AGENT=/run/agent.py LAB_PLAN=/run/plan.json
agent >"$LAB_AGENT"
plan >"$LAB_PLAN"
case "${1:-play}" in
  shell)
    echo "The namespaces are: ${NETNS[*]}"
    echo "Try: ip netns exec ${NETNS[0]} ip a    Leave with: exit"
    bash --norc -i || true ;;
  with) "${@:2}" ;;
  *)
    python3 "$LAB_AGENT" "$LAB_PLAN"
    echo "# A probability of 0 or 1 below is the lab's: it makes an endpoint certain."
    for n in "${RULED[@]}"; do
      echo "## $n $IPTABLES-save -c"; netns "$n" "$IPTABLES-save" -c
      echo "## $n conntrack -L"; netns "$n" conntrack -L 2>/dev/null
      echo "## $n ip neigh"; ip -n "$n" neigh
    done ;;
esac
